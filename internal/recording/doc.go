// Package recording keeps what was said between a bot and a real service, so that it can be said again. A recording
// is a file with one exchange a line, in JSON, which grows while the run goes and is whole up to its last full line
// whenever that ends. Contents are kept; credentials are not. It opens no connections.
package recording

// Version is that of the format. Readers pass over lines of a later one.
const Version = 1
