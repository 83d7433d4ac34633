package recording

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

// Exchange is one request and its response.
type Exchange struct {
	Version int `json:"v"`
	// Start is when the request came, as an offset from the start of the run.
	Start     time.Duration `json:"start_ns"`
	Operation string        `json:"operation"` // as in the record's calls
	Method    string        `json:"method"`
	// Target is the path and query, relative to the base URL of the service.
	Target  string  `json:"target"`
	Request Message `json:"request"`
	Status  int     `json:"status"`
	// Response is what was said in return. It is timed from the moment the request was passed on.
	Response Message `json:"response"`
}

// Message is one side of an exchange.
type Message struct {
	Header map[string]string `json:"header,omitempty"`
	// Hash is the SHA-256 of the whole body as it was, but for credentials; empty for no body.
	Hash string `json:"sha256,omitempty"`
	// Bytes is the length of the whole body, of which the pieces hold less if it is Truncated.
	Bytes     int64 `json:"bytes"`
	Truncated bool  `json:"truncated,omitempty"`
	// After is when the head of the response was there.
	After time.Duration `json:"after_ns,omitempty"`
	// Pieces are the body as it came: one of a request and of a whole answer, one for each flush of a stream.
	Pieces []Piece `json:"pieces,omitempty"`
}

// Piece is a part of a body that came at once.
type Piece struct {
	At   time.Duration `json:"at_ns"`
	Data Data          `json:"data"`
}

// Data is bytes, written as text where they are UTF-8 and as {"base64": "..."} where they are not.
type Data []byte

// MarshalJSON writes the bytes.
func (d Data) MarshalJSON() ([]byte, error) {
	if utf8.Valid(d) {
		return json.Marshal(string(d))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(d)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Data) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		*d = Data(plain)
		return nil
	}
	var coded struct {
		Base64 *string `json:"base64"`
	}
	if err := json.Unmarshal(text, &coded); err != nil {
		return err
	}
	if coded.Base64 == nil {
		return errors.New("neither text nor base64")
	}
	data, err := base64.StdEncoding.DecodeString(*coded.Base64)
	*d = data
	return err
}

// Body is the body as far as it was kept.
func (m *Message) Body() []byte {
	if len(m.Pieces) == 1 {
		return m.Pieces[0].Data
	}
	var body []byte
	for _, p := range m.Pieces {
		body = append(body, p.Data...)
	}
	return body
}

// sum is the hash of a body.
func sum(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}
