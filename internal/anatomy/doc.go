// Package anatomy turns the rows of a run into what they add up to: the crowd
// of turns with its waits, what each wire of the bot took, where the time of a
// reply goes, what single turns are made of and waited for, rates over time
// and the knee of a ramp.
//
// It is pure: rows in, a [Summary] out, each sequence read twice, in nearly any order,
// and far less kept than was read. It judges nothing (package verdict
// does), draws nothing and knows no file.
package anatomy
