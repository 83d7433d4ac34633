package anatomy

import (
	"time"

	"parley"
)

// Waterfall is one turn taken apart. Its moments are counted from the user's last word (Spoken); those before it are
// negative.
type Waterfall struct {
	Turn         int64          `json:"turn_id"`
	Conversation int64          `json:"conversation_id"`
	Scenario     string         `json:"scenario"`
	Ordinal      int32          `json:"ordinal"` // of the turn in its conversation, from 0
	Phase        string         `json:"phase"`
	Step         int32          `json:"step"` // of a ramp
	Outcome      parley.Outcome `json:"outcome"`
	Failure      string         `json:"failure,omitempty"`
	// Spoken is counted from the start of the run. Reply is the time to the answer; without one the time waited.
	Spoken time.Duration `json:"spoken_ns"`
	Reply  time.Duration `json:"reply_ns"`
	Said   int32         `json:"messages_said"`
	// Attempts is the number of webhook requests that the messages took.
	Attempts int32 `json:"webhook_attempts"`

	Marks []Mark `json:"marks"`
	// Calls are in the order of their starts; More were left out, since there are so many. Lanes is how many rows they
	// need if no two that overlap share one.
	Calls []TurnCall `json:"calls"`
	More  int        `json:"more_calls,omitempty"`
	Lanes int        `json:"lanes"`
	// Gaps are the stretches of the reply in which no call of the turn was under way.
	Gaps []Piece `json:"gaps"`
	// Path is the critical path: what determined the moment of the answer, in pieces that follow each other from 0 to
	// Reply. Empty without an answer.
	Path []Piece `json:"path"`
	// Layers are all layers with time on the path or calls; their times sum to Reply.
	Layers []TurnLayer `json:"layers"`

	// Untied is the share of the calls begun during the turn, on wires that it used, that could be tied to no turn:
	// some may be this one's. Incomplete: it is more than a tenth, or calls were left out.
	Untied     float64 `json:"untied_share"`
	Incomplete bool    `json:"incomplete,omitempty"`

	// Row is the turn as it was recorded, its moments counted from the start of the run.
	Row parley.Turn `json:"-"`
}

// Mark is a moment of a turn that is not a call's.
type Mark struct {
	// What: "sent" (its first webhook), "acknowledged" (its last one), "reply received" (by the platform), "reply
	// delivered", "answered", "gave up", "cut off".
	What string        `json:"what"`
	At   time.Duration `json:"at_ns"`
	// Fate is that of a reply.
	Fate string `json:"fate,omitempty"`
}

// TurnCall is a call of a turn.
type TurnCall struct {
	Wire      string `json:"wire"`
	Operation string `json:"operation"`
	Layer     string `json:"layer"`
	// Start, FirstByte (none: -1 ns before Start) and End; Unfinished: the end was not seen, and is the last sign of life.
	Start      time.Duration      `json:"start_ns"`
	FirstByte  time.Duration      `json:"first_byte_ns"`
	End        time.Duration      `json:"end_ns"`
	Unfinished bool               `json:"unfinished,omitempty"`
	Imposed    time.Duration      `json:"imposed_ns,omitempty"`
	Flight     int64              `json:"flight_id"`
	Conn       int64              `json:"connection_id"`
	Opened     bool               `json:"opened_connection,omitempty"` // the first call on its connection
	By         parley.Attribution `json:"attributed_by"`
	Status     int32              `json:"status,omitempty"`
	Failure    string             `json:"failure,omitempty"`
	Fault      string             `json:"fault,omitempty"`
	Retry      int32              `json:"retry,omitempty"`
	Blocking   bool               `json:"blocking,omitempty"`
	Rows       int64              `json:"rows,omitempty"`
	Model      string             `json:"model,omitempty"`
	Prompt     int64              `json:"prompt_tokens,omitempty"`
	Cached     int64              `json:"cached_tokens,omitempty"`
	Completion int64              `json:"completion_tokens,omitempty"`
	// RequestBytes and ResponseBytes, Content, Pieces, Transaction and Patience are those of the parley.Call.
	RequestBytes  int64         `json:"request_bytes,omitempty"`
	ResponseBytes int64         `json:"response_bytes,omitempty"`
	Content       uint64        `json:"-"`
	Pieces        []uint64      `json:"-"`
	Transaction   string        `json:"transaction,omitempty"`
	Patience      time.Duration `json:"client_timeout_ns,omitempty"`
	// Lane is the row it is drawn in, from 0; OnPath is how much of it is on the critical path.
	Lane   int           `json:"lane"`
	OnPath time.Duration `json:"on_path_ns"`
}

// Piece is a stretch of a turn.
type Piece struct {
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
	Layer string        `json:"layer"`
	// Call is the place in Calls of the call it is part of, -1 for time without one. After and Before are those of the calls
	// around such time, -1 where there is none.
	Call   int `json:"call"`
	After  int `json:"after"`
	Before int `json:"before"`
}

// TurnLayer is what one layer had to do with a turn.
type TurnLayer struct {
	Layer string        `json:"layer"`
	Time  time.Duration `json:"on_path_ns"`
	// Calls and Flights count those of the turn, Opened the connections made for it.
	Calls   int `json:"calls"`
	Flights int `json:"flights"`
	Opened  int `json:"connections_opened"`
}

// mostTurnCalls bounds the calls that are kept of a turn.
const mostTurnCalls = 500

// fewUntied is the share of calls that may be tied to no turn before a waterfall is called incomplete.
const fewUntied = 0.1

// Time is how much of the critical path lies in a layer.
func (w *Waterfall) Time(layer string) time.Duration {
	for _, l := range w.Layers {
		if l.Layer == layer {
			return l.Time
		}
	}
	return 0
}

// Count adds up calls, flights and connections opened.
func (w *Waterfall) Count() (calls, flights, opened int) {
	for _, l := range w.Layers {
		calls, flights, opened = calls+l.Calls, flights+l.Flights, opened+l.Opened
	}
	return calls, flights, opened
}
