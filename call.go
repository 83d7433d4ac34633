package parley

import "time"

// Attribution says how a call was tied to its turn.
type Attribution string

const (
	Unattributed Attribution = ""
	ByIdentity   Attribution = "identity" // a number, message id or chat id stood in the call
	ByWords      Attribution = "words"    // the user's last words stood in it, and only one waiting user had said them
	ByOrder      Attribution = "order"    // several waiting users had said them, and it was this one's turn to be answered
	ByTime       Attribution = "time"     // only one turn was under way
	// ByValue: a value stood in the call that had come to light in calls of one turn only (a row's id).
	ByValue Attribution = "value"
	// BySequence: the call came right after the last one of this turn and of no other, as calls of its kind do with one user alone.
	BySequence Attribution = "sequence"
	// ByConnection: the connection was held for the turn, as another call on it shows.
	ByConnection Attribution = "connection"
)

// Call is one exchange on one of the bot's wires. The first segment of Wire
// names the dependency as the plan does ("openai", "evolution").
type Call struct {
	ID   int64 `parquet:"call_id"`
	Turn int64 `parquet:"turn_id"` // 0 if not attributed
	// By says how the call was attributed to Turn.
	By   Attribution `parquet:"attributed_by,dict"`
	Wire string      `parquet:"wire,dict"`
	// Operation is the normalised name of what was asked ("POST /v1/chat/completions").
	Operation string `parquet:"operation,dict"`
	// Conn identifies the connection, Flight the round trip on it; pipelined calls share a flight.
	Conn   int64 `parquet:"connection_id"`
	Flight int64 `parquet:"flight_id"`

	// Start is when the request's first byte was read, FirstByte and End when the
	// response's first and last byte were written. None if never. Of a call without a whole response
	// End is when one side closed the connection, if that was seen.
	Start     time.Duration `parquet:"start_ns"`
	FirstByte time.Duration `parquet:"first_byte_ns"`
	End       time.Duration `parquet:"end_ns"`
	// Imposed is the latency parley itself added or simulated.
	Imposed time.Duration `parquet:"imposed_ns"`

	// Status is the protocol's status (HTTP code), 0 if there was none. Failure is empty for success.
	Status  int32  `parquet:"status"`
	Failure string `parquet:"failure,dict"`
	// Fault names the fault parley injected into this call, empty for none.
	Fault string `parquet:"fault,dict"`
	// Retry is the attempt as the client itself declares it (0 for the first).
	Retry         int32 `parquet:"retry"`
	RequestBytes  int64 `parquet:"request_bytes"`
	ResponseBytes int64 `parquet:"response_bytes"`
	// Rows are those a database returned or changed, elements those of a reply of Redis.
	Rows int64 `parquet:"rows_total"`
	// Blocking: the call waits for work by its nature (BRPOP on a queue). Its time is no latency.
	Blocking bool `parquet:"blocking"`

	Model            string `parquet:"model,dict"`
	PromptTokens     int64  `parquet:"prompt_tokens_total"`
	CachedTokens     int64  `parquet:"cached_tokens_total"`
	CompletionTokens int64  `parquet:"completion_tokens_total"`
	// CachedTokens are read from the service's prompt cache, CacheWrittenTokens written to it; both are
	// part of PromptTokens. AudioSeconds is the length of audio the call was about.
	CacheWrittenTokens int64   `parquet:"cache_written_tokens_total"`
	AudioSeconds       float64 `parquet:"audio_seconds"`

	// Identities are keyed hashes of the user numbers and message ids found in
	// the call; Words that of the user's last words, 0 if there were none.
	Identities []uint64 `parquet:"identity_hashes,list"`
	Words      uint64   `parquet:"words_hash"`

	// Content is the keyed hash of all that was asked, values included: two calls of one operation with the same Content asked for
	// the same. 0: unknown.
	Content uint64 `parquet:"content_hash"`
	// Pieces are keyed hashes of the pieces of a prompt, in its order, of some 512 bytes each and cut where the text itself says so, so that
	// what two prompts share is seen wherever it stands. Those of the first 64 pieces; none if the call has no prompt.
	Pieces []uint64 `parquet:"prompt_piece_hashes,list"`
	// Transaction is the state in which a call left its database session: "idle", "open" or "failed"; empty if it has none.
	Transaction string `parquet:"transaction,dict"`
	// Patience is the longest that the client says it waits for an answer; 0: it does not say.
	Patience time.Duration `parquet:"client_timeout_ns"`
}

// Duration is how long the bot waited for the call; 0 if it never ended.
func (c *Call) Duration() time.Duration {
	if c.End == None {
		return 0
	}
	return c.End - c.Start
}

// Succeeded reports whether the service did what was asked, as far as the call shows.
func (c *Call) Succeeded() bool { return c.Failure == "" && c.Status < 400 && c.End != None }

// Sample is one point of a time series.
type Sample struct {
	At time.Duration `parquet:"at_ns"`
	// Name follows the Prometheus rules, with the unit as its suffix.
	Name  string  `parquet:"name,dict"`
	Label string  `parquet:"label,dict"`
	Value float64 `parquet:"value"`
}
