package evolution

// Shapes of the identities in this platform's messages: a user's number has
// NumberLength digits, a user's message id MessageIDLength characters of which the
// first are MessageIDPrefix.
const (
	NumberLength    = numberLength
	MessageIDPrefix = "3EB0"
	MessageIDLength = 22
)
