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
	text    uint64   // hash of its text, 0 if that is not known
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
	bytes      int64 // of the messages that made it, until it has run
	ran        bool
	// content is the hash of the statement and its parameters, and of how often the portal has run before.
	content uint64
}

// contentOf is the hash of the text in a message.
func (s *session) contentOf(m *pgwire.Message, text []byte) uint64 {
	c := fingerprint.NewContent(s.tap.Key)
	c.Add(text)
	if m.Cut {
		c.AddNumber(uint64(m.Bytes)) // of the rest only the length is known
	}
	return c.Sum()
}

// contentOfBinding is the hash of a statement with the parameters and formats in a message. Names are left out: drivers number
// them, differently on each connection.
func (s *session) contentOfBinding(m *pgwire.Message, b pgwire.Binding, of *statement) uint64 {
	if of.text == 0 {
		return 0
	}
	c := fingerprint.NewContent(s.tap.Key)
	c.AddNumber(of.text)
	names := len(b.Portal) + 1 + len(b.Statement) + 1
	c.Add(m.Body[min(names, len(m.Body)):])
	if m.Cut {
		c.AddNumber(uint64(m.Bytes))
	}
	return c.Sum()
}

// portal is the place of the portal of a name, which is kept: most have the empty one.
func (s *session) portal(name []byte) *binding {
	if b := s.portals[string(name)]; b != nil {
		return b
	}
	if len(s.portals) >= mostStatements {
		clear(s.portals)
	}
	b := new(binding)
	s.portals[string(name)] = b
	return b
}

// runs is the portal of a name, which runs now. One that runs again goes on where it stopped, and so asks for something else.
func (s *session) runs(name []byte) binding {
	b := s.portals[string(name)]
	if b == nil {
		return binding{statement: newStatement("a portal opened before parley listened")}
	}
	if b.ran && b.content != 0 {
		c := fingerprint.NewContent(s.tap.Key)
		c.AddNumber(b.content)
		b.content = c.Sum()
	}
	now := *b
	b.bytes, b.ran = 0, true
	return now
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
