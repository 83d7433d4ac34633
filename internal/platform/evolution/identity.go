package evolution

// Shapes of the identities in this platform's messages: a user's number has
// NumberLength digits (the most E.164 allows), a user's message id MessageIDLength
// characters of which the first are MessageIDPrefix.
const (
	NumberLength    = 15
	MessageIDPrefix = "3EB0"
	MessageIDLength = 22
)
