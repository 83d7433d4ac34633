package calendar_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"

	"parley/internal/fault"
	"parley/internal/plan"
)

// Google's Go client no longer makes batches, so that this one is made by hand; its answers are
// read by the client's own types. The Python client makes batches of its own.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{Latency: fault.Constant(100 * time.Millisecond), WriteLatency: fault.Constant(300 * time.Millisecond), UserRequestsPerMinute: 4}, endpoint, nil)
		var text bytes.Buffer
		w := multipart.NewWriter(&text)
		for n := range 5 {
			p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Id": {fmt.Sprintf("<item%d@practice.example>", n)}})
			if err != nil {
				t.Fatal(err)
			}
			body := fmt.Sprintf(`{"id":"visit%d","start":{"dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T11:00:00Z"}}`, n/2)
			fmt.Fprintf(p, "POST /calendar/v3/calendars/primary/events HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		response, err := j.http.Post("http://simulator/batch/calendar/v3", "multipart/mixed; boundary="+w.Boundary(), &text)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("%s, %v", response.Status, err)
		}
		parts := multipart.NewReader(response.Body, parameters["boundary"])
		for n, reason := range []string{"", "duplicate", "", "duplicate", "userRateLimitExceeded"} {
			p, err := parts.NextRawPart()
			if err != nil {
				t.Fatal(err)
			}
			if id := p.Header.Get("Content-Id"); id != fmt.Sprintf("<response-item%d@practice.example>", n) {
				t.Errorf("id %q", id)
			}
			inner, err := http.ReadResponse(bufio.NewReader(p), nil)
			if err != nil {
				t.Fatal(err)
			}
			var e *googleapi.Error
			if err := googleapi.CheckResponse(inner); reason != "" && (!errors.As(err, &e) || e.Errors[0].Reason != reason) || reason == "" && err != nil {
				t.Errorf("part %d: %v, want %q", n, err, reason)
			}
			var booked calendar.Event
			if reason == "" && (json.NewDecoder(inner.Body).Decode(&booked) != nil || booked.Id != fmt.Sprintf("visit%d", n/2)) {
				t.Errorf("part %d: %+v", n, booked)
			}
		}
		if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		calls := j.recorded()
		if len(calls) != 6 {
			t.Fatalf("%d calls", len(calls))
		}
		for _, c := range calls[1:] {
			if c.Operation != "events.insert" || c.Flight != calls[1].Flight || c.Duration() != 300*time.Millisecond {
				t.Errorf("call %+v", c)
			}
		}
		for _, body := range []string{"", "--x--", strings.Repeat("--x\r\n\r\nGET /calendar/v3/calendars/primary\r\n\r\n", 51) + "--x--"} {
			response, err := j.http.Post("http://simulator/batch/calendar/v3", "multipart/mixed; boundary=x", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, googleapi.CheckResponse(response), 400, "badRequest")
			response.Body.Close()
		}
	})
}
