package respwire

// Kind is the first byte of a value.
type Kind byte

// Kinds of values, RESP2 and RESP3. Inline is a command typed as a line of text.
const (
	Simple     Kind = '+'
	Error      Kind = '-'
	Integer    Kind = ':'
	Bulk       Kind = '$'
	Array      Kind = '*'
	Null       Kind = '_'
	Boolean    Kind = '#'
	Double     Kind = ','
	BigNumber  Kind = '('
	BulkError  Kind = '!'
	Verbatim   Kind = '='
	Map        Kind = '%'
	Set        Kind = '~'
	Push       Kind = '>' // out of band: it answers no command
	Attribute  Kind = '|' // precedes the value it is about
	Inline     Kind = 'i'
	chunk      Kind = ';' // part of a streamed string
	streamsEnd Kind = '.' // of a streamed aggregate
)

// Aggregate reports whether values of the kind hold others.
func (k Kind) Aggregate() bool {
	switch k {
	case Array, Map, Set, Push, Attribute:
		return true
	default:
		return false
	}
}

// text reports whether the value is the rest of its line.
func (k Kind) text() bool {
	switch k {
	case Simple, Error, Integer, Null, Boolean, Double, BigNumber:
		return true
	default:
		return false
	}
}

// blob reports whether the line of the value tells the length of what follows.
func (k Kind) blob() bool { return k == Bulk || k == BulkError || k == Verbatim }

// Value is one top-level value of the stream. It and its parts are the decoder's
// own and change with the next value.
type Value struct {
	Kind Kind
	// Bytes is its size on the wire, line ends included.
	Bytes int64
	// Elements counts what an aggregate holds (keys and values of a map both), 0 for anything else and -1 for a null
	// array or a null string. Of a command it counts the words.
	Elements int64
	// Parts are the leaves of the value in order: the words of a command, the elements of a reply, of a
	// single value itself. Only the first Limits.Parts are kept.
	Parts []Part
}

// Part is a leaf of a value.
type Part struct {
	Kind Kind
	// Text is its content, or the beginning of it.
	Text []byte
	// Len is the length of the whole content in bytes, -1 for null.
	Len int64
}

// Failed reports whether the value is an error reply.
func (v *Value) Failed() bool { return v.Kind == Error || v.Kind == BulkError }

// Limits bound what is kept of a value, and what is believed.
type Limits struct {
	Parts int // leaves kept of a value
	Text  int // bytes kept of a leaf
	Depth int // aggregates within aggregates
}

// DefaultLimits keep what tells a command from another and finds identities in it.
func DefaultLimits() Limits { return Limits{Parts: 64, Text: 4096, Depth: 32} }
