package calendar

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
)

const batchType = "Content-Type: multipart/mixed; boundary=b"

// batchOf writes a batch of requests as Google's Python library does.
func batchOf(requests ...string) string {
	var text strings.Builder
	for i, r := range requests {
		fmt.Fprintf(&text, "--b\nContent-Type: application/http\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\nContent-ID: <4f1 + %d>\n\n%s\n\n", i, r)
	}
	return text.String() + "--b--"
}

// partAnswer is the answer to a part.
type partAnswer struct {
	id     string
	status int
	header http.Header
	body   string
}

// batch sends a batch and reads the answers.
func (b *bench) batch(requests ...string) (answers []partAnswer) {
	b.t.Helper()
	resp, data := b.call("POST", "/batch/calendar/v3", batchOf(requests...), batchType)
	_, parameters, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || resp.StatusCode != 200 {
		b.t.Fatalf("status %d, %v: %s", resp.StatusCode, err, data)
	}
	for r := multipart.NewReader(bytes.NewReader(data), parameters["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return answers
		}
		if err != nil {
			b.t.Fatalf("%v in %s", err, data)
		}
		inner, err := http.ReadResponse(bufio.NewReader(p), nil)
		if err != nil {
			b.t.Fatalf("%v in %s", err, data)
		}
		body, err := io.ReadAll(inner.Body)
		if err != nil || p.Header.Get("Content-Type") != "application/http" {
			b.t.Fatalf("%v in %s", err, data)
		}
		answers = append(answers, partAnswer{p.Header.Get("Content-Id"), inner.StatusCode, inner.Header, string(body)})
	}
}

const booking = `{"id":"batched%d","start":{"dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T11:00:00Z"},"description":"999000000000001"}`

func insertion(n int) string {
	return "POST /calendar/v3/calendars/primary/events?prettyPrint=false HTTP/1.1\nContent-Type: application/json\nHost: service\n\n" + fmt.Sprintf(booking, n)
}

func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
		if err != nil {
			t.Fatal(err)
		}
		key := parley.NewKey()
		config := slow()
		config.Faults = rules(t, "every 2nd status 503 on events.get", "delay 50ms on events.insert")
		b := newBench(t, Options{Config: config, Options: upstream.Options{
			Key: key, Finder: finder,
			Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
				if ids := c.Identities; len(ids) == 1 && ids[0] == key.Hash("999000000000001") {
					c.Turn, c.By = 17, parley.ByIdentity
				}
				return 0
			},
		}})
		answers := b.batch(
			insertion(1),
			"GET calendars/primary/events/batched1\n", // as short as Google's own examples
			"GET https://www.googleapis.com/calendar/v3/calendars/primary/events/unknown HTTP/1.1\n\n",
			"DELETE /calendar/v3/calendars/primary/events/batched1 HTTP/1.1\nIf-Match: \"1\"\n\n",
			"GET /calendar/v3/calendars/primary HTTP/1.1\nAuthorization: Bearer wrong\n\n",
			"POST /token HTTP/1.1\n\ngrant_type=refresh_token",
			"GET /elsewhere HTTP/1.1\n\n",
		)
		var got []string
		for _, a := range answers {
			got = append(got, fmt.Sprint(a.id, " ", a.status))
		}
		want := "<response-4f1 + 0> 200, <response-4f1 + 1> 200, <response-4f1 + 2> 503, <response-4f1 + 3> 412, <response-4f1 + 4> 401, <response-4f1 + 5> 404, <response-4f1 + 6> 404"
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("answers %s\nwant %s", text, want)
		}
		if a := answers[0]; a.header.Get("Etag") == "" || !strings.HasPrefix(a.body, `{"`) || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("answer %+v", a)
		}
		synctest.Wait()
		calls := b.Recorded()
		wanted := []struct {
			operation string
			status    int32
			turn      int64
			fault     string
		}{
			{opInsert, 200, 17, "delay 50ms"},
			{opGet, 200, 0, ""},
			{opGet, 503, 0, "status 503"},
			{opDelete, 412, 0, ""},
			{opCalendarsGet, 401, 0, ""},
			{opToken, 404, 0, ""},
			{"GET /calendar/v3/elsewhere", 404, 0, ""},
		}
		if len(calls) != len(wanted) {
			t.Fatalf("%d calls recorded, want %d", len(calls), len(wanted))
		}
		for i, c := range calls {
			w := wanted[i]
			if c.Operation != w.operation || c.Status != w.status || c.Turn != w.turn || c.Fault != w.fault || (c.Failure != "") != (w.status >= 400) {
				t.Errorf("call %d: %+v, want %+v", i, c, w)
			}
			// They are worked on side by side: the slowest is the insert, 300 ms and its fault.
			if c.Flight != calls[0].Flight || c.Conn != 1 || c.Duration() != 350*time.Millisecond || c.Imposed != 350*time.Millisecond || c.FirstByte != c.End || c.ResponseBytes == 0 {
				t.Errorf("call %d: %+v", i, c)
			}
		}
		b.call("GET", events, "")
		synctest.Wait()
		if last := b.Recorded()[len(calls)]; last.Flight == calls[0].Flight {
			t.Error("another call shares the flight of the batch")
		}
	})
}

// Each part of a batch uses the quota by itself.
func TestQuotaOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{UserRequestsPerMinute: 3}})
		var statuses []int
		for _, a := range b.batch(insertion(1), insertion(2), insertion(3), insertion(4)) {
			statuses = append(statuses, a.status)
		}
		if fmt.Sprint(statuses) != "[200 200 200 403]" {
			t.Errorf("statuses %v", statuses)
		}
	})
}

func TestBadBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		for body, contentType := range map[string]string{
			batchOf(insertion(1)):               "Content-Type: application/json",
			batchOf(insertion(2)):               "Content-Type: multipart/mixed",
			batchOf(insertion(3)):               "Content-Type: multipart/mixed; boundary=other",
			batchOf():                           batchType,
			"":                                  batchType,
			batchOf("GET"):                      batchType,
			batchOf("GET http://[::1 HTTP/1.1"): batchType,
			batchOf("GET /x HTTP/1.1\nno header\n\n"):                        batchType,
			batchOf("GET /x HTTP/1.1 more\n\n"):                              batchType,
			strings.TrimSuffix(batchOf(insertion(4)), "--b--"):               batchType,
			batchOf(make([]string, 51)...):                                   batchType,
			batchOf("POST /x HTTP/1.1\n\n" + strings.Repeat("x", maxBody+1)): batchType,
		} {
			b.refused(400, "badRequest", "POST", "/batch/calendar/v3", body, contentType)
		}
		b.refused(413, "uploadTooLarge", "POST", "/batch/calendar/v3", strings.Repeat("x", maxBatch+1), batchType)
		synctest.Wait()
		for _, c := range b.Recorded() {
			if c.Operation != opBatch || c.Status < 400 || c.Failure == "" {
				t.Errorf("call %+v", c)
			}
		}
		if len(b.Recorded()) != 13 || len(idsOf(b.ok(200, "GET", events, ""))) != 0 {
			t.Errorf("%d calls", len(b.Recorded()))
		}
		requests := make([]string, 50)
		for i := range requests {
			requests[i] = insertion(i)
		}
		if n := len(b.batch(requests...)); n != 50 {
			t.Errorf("%d answers", n)
		}
	})
}

// What befalls the connection befalls the whole batch, and every call says so.
func TestFaultsOfABatch(t *testing.T) {
	for _, test := range []struct {
		rule, failure string
		status        int32 // of the first part in the record
	}{
		{"hang on events.insert", "client went away", 0},
		{"reset on events.insert", "reset", 0},
		{"cut on events.insert", "cut", 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.Calendar{Faults: rules(t, test.rule)}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r := b.Request(ctx, "POST", "/batch/calendar/v3", batchOf("GET /calendar/v3/calendars/primary HTTP/1.1\n\n", insertion(1)))
			r.Header.Set("Authorization", "Bearer "+b.token)
			r.Header.Set("Content-Type", "multipart/mixed; boundary=b")
			if resp, err := b.Client.Do(r); err == nil {
				if _, err = io.ReadAll(resp.Body); err == nil {
					t.Errorf("%s: a whole answer", test.rule)
				}
				resp.Body.Close()
			}
			synctest.Wait()
			calls := b.Recorded()
			if len(calls) != 2 {
				t.Fatalf("%s: %d calls", test.rule, len(calls))
			}
			for _, c := range calls {
				if c.Failure != test.failure || c.Status != test.status {
					t.Errorf("%s: %+v", test.rule, c)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Faults: rules(t, "malformed on events.insert")}})
		answers := b.batch("GET /calendar/v3/calendars/primary HTTP/1.1\n\n", insertion(1))
		if !strings.HasSuffix(strings.TrimSpace(answers[0].body), "}") || strings.HasSuffix(strings.TrimSpace(answers[1].body), "}") {
			t.Errorf("answers %+v", answers)
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add("multipart/mixed; boundary=b", []byte(batchOf(insertion(1), "GET x\n")))
	f.Add("multipart/mixed; boundary=b", []byte("--b\r\n\r\nGET http://x/%2f HTTP/1.1\r\nA: b\r\n\r\n{}\r\n--b--"))
	s := New(Options{Config: plan.Calendar{Busy: 0.5}})
	token := tokenPrefix + s.seal.close(grant{Kind: accessKind, User: "u", Scopes: []string{scopeBase}, Expires: 1 << 40})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		header := http.Header{"Content-Type": {contentType}, "Authorization": {"Bearer " + token}}
		parts, err := parseBatch(t.Context(), header, body)
		if (err == nil) != (len(parts) > 0) || len(parts) > mostParts {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		writers := make([]*partWriter, len(parts))
		for i, p := range parts {
			writers[i] = &partWriter{header: make(http.Header)}
			c := s.begin(writers[i], p.request)
			c.body = p.body
			a, _ := c.prepare()
			c.reply(a)
		}
		if len(parts) == 0 {
			return
		}
		answers := 0
		for r := multipart.NewReader(bytes.NewReader(joinParts("x", parts, writers)), "x"); ; answers++ {
			if _, err := r.NextRawPart(); err != nil {
				break
			}
		}
		if answers != len(parts) {
			t.Errorf("%d answers to %d parts", answers, len(parts))
		}
	})
}
