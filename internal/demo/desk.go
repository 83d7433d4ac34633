package demo

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// tools is what the model may call.
const tools = `[
{"type":"function","function":{"name":"list_free_slots","description":"List the free appointments of a day",
 "parameters":{"type":"object","properties":{"day":{"type":"string","description":"a weekday, like friday"}},"required":["day"]}}},
{"type":"function","function":{"name":"book_appointment","description":"Book an appointment for the client",
 "parameters":{"type":"object","properties":{"day":{"type":"string","description":"a weekday, like friday"},
  "time":{"type":"string","description":"24-hour time, like 14:30"}},"required":["day","time"]}}},
{"type":"function","function":{"name":"cancel_appointment","description":"Cancel the client's appointment",
 "parameters":{"type":"object","properties":{}}}}]`

// chairs is how many clients can have the same hour.
const chairs = 40

// desk is the appointment book: one appointment for each client.
type desk struct {
	mu    sync.Mutex
	of    map[string]slot // by the client's number
	taken map[slot]int
}

type slot struct{ day, time string }

func newDesk() *desk {
	return &desk{of: map[string]slot{}, taken: map[slot]int{}}
}

// use carries out a call of the model and returns the result as JSON.
func (d *desk) use(number, tool, arguments string) string {
	var a struct{ Day, Time string }
	if err := json.Unmarshal([]byte(arguments), &a); err != nil {
		return `{"error":"the arguments are not JSON"}`
	}
	a.Day = strings.ToLower(strings.TrimSpace(a.Day))
	var result any
	switch tool {
	case "list_free_slots":
		result = map[string]any{"day": a.Day, "free": d.free(a.Day)}
	case "book_appointment":
		result = d.book(number, slot{a.Day, strings.TrimSpace(a.Time)})
	case "cancel_appointment":
		result = map[string]any{"cancelled": d.cancel(number)}
	default:
		result = map[string]any{"error": "there is no such tool"}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return `{"error":"internal"}`
	}
	return string(text)
}

// free lists the hours of a day that have a free chair.
func (d *desk) free(day string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	hours := []string{}
	for hour := 9; hour < 18; hour++ {
		if s := (slot{day, fmt.Sprintf("%02d:00", hour)}); d.taken[s] < chairs {
			hours = append(hours, s.time)
		}
	}
	return hours
}

// book gives the client the slot, in place of one they had.
func (d *desk) book(number string, s slot) map[string]any {
	if s.day == "" || s.time == "" {
		return map[string]any{"error": "day and time are needed"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of[number] != s && d.taken[s] >= chairs {
		return map[string]any{"booked": false, "reason": "taken"}
	}
	d.release(number)
	d.of[number] = s
	d.taken[s]++
	return map[string]any{"booked": true, "day": s.day, "time": s.time}
}

// cancel reports whether the client had an appointment.
func (d *desk) cancel(number string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.release(number)
}

// release frees the client's slot. The lock is held.
func (d *desk) release(number string) bool {
	s, ok := d.of[number]
	if !ok {
		return false
	}
	delete(d.of, number)
	if d.taken[s]--; d.taken[s] == 0 {
		delete(d.taken, s)
	}
	return true
}
