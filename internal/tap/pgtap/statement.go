package pgtap

import (
	"parley/internal/fingerprint"
	"parley/internal/wire/pgwire"
)

// statement is one that a client has prepared.
type statement struct {
	shape   string // normalised
	in      fingerprint.Operation
	params  []uint32 // types of the parameters, those that are known
	columns []uint32 // types of the columns of the result, those that are known
}

func newStatement(shape string) *statement {
	return &statement{shape: shape, in: fingerprint.OperationOf(shape)}
}

// binding is a portal: a statement with its parameters.
type binding struct {
	*statement
	identities []uint64
	fields     []fingerprint.Field
	results    pgwire.Formats
	bytes      int64
}

// result is how to read the rows of an answer.
type result struct {
	in      fingerprint.Operation
	columns []uint32
	formats pgwire.Formats
}

// result is that of the portal.
func (b *binding) result() result { return result{in: b.in, columns: b.columns, formats: b.results} }

// describe takes in a description of the result. That of a statement which is only prepared does not tell the formats, as who
// binds it may choose them; that of what runs does.
func (x *exchange) describe(body []byte) {
	r := &x.result
	r.columns = nil
	var formats pgwire.Formats
	for c := range pgwire.Columns(body) {
		format := byte(0)
		if c.Binary {
			format = 1
		}
		r.columns = append(r.columns, c.Type)
		formats = append(formats, 0, format)
	}
	if x.prepares != nil {
		x.prepares.columns = r.columns
		return
	}
	r.formats = formats
}

// typeAt is the type of the value with a number, 0 if it is not known.
func typeAt(types []uint32, number int) uint32 {
	if number < len(types) {
		return types[number]
	}
	return 0
}
