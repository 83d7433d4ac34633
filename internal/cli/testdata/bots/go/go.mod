module dentist

go 1.24
