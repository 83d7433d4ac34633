package relay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is why a call is not passed on.
type refusal struct {
	status  int    // 0: 403
	code    string // for programs
	failure string // in the record
	message string
}

// refuse answers a call that is not passed on.
func (x *exchange) refuse(r refusal) {
	x.fail(cmp.Or(r.status, http.StatusForbidden), r.code, "parley did not pass this call on: "+r.message, r.failure)
}

// fail answers with an error of parley's own, in the shape of OpenAI's, which clients of other services can read as well.
func (x *exchange) fail(status int, code, message, failure string) {
	type problem struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	body, err := json.Marshal(struct {
		Error problem `json:"error"`
	}{problem{Message: message, Type: "parley_relay", Code: code}})
	if err != nil {
		panic(fmt.Errorf("relay: encode error: %w", err)) // texts always encode
	}
	x.Call.Failure = failure
	x.W.Header().Set("Content-Type", "application/json")
	if x.R.Method == http.MethodHead {
		x.Head(status)
		_ = x.Send(nil) // a client that went away is in the record
		return
	}
	_ = x.Answer(status, "", body) // as above
}
