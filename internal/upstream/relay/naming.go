package relay

import (
	"net/http"
	"strconv"
	"strings"

	"parley/internal/upstream"
	"parley/internal/wire/openaiwire"
)

// operation is the name of a call, as the simulated service of the kind gives it.
func operation(kind, method, path string) string {
	switch kind {
	case "openai":
		return openaiwire.Operation(method, path)
	case "calendar":
		if name := calendarMethod(method, path); name != "" {
			return name
		}
	}
	return upstream.Operation(method, path)
}

// calendarMethod is Google's name of a method of its calendar API, empty for others.
func calendarMethod(method, path string) string {
	path = strings.TrimPrefix(path, "/calendar/v3")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	isEvents := len(parts) >= 3 && parts[0] == "calendars" && parts[2] == "events"
	var names map[string]string
	switch {
	case len(parts) == 1 && parts[0] == "freeBusy":
		names = map[string]string{http.MethodPost: "freebusy.query"}
	case strings.Join(parts, "/") == "users/me/calendarList":
		names = map[string]string{http.MethodGet: "calendarList.list"}
	case len(parts) == 2 && parts[0] == "calendars":
		names = map[string]string{http.MethodGet: "calendars.get"}
	case isEvents && len(parts) == 3:
		names = map[string]string{http.MethodGet: "events.list", http.MethodPost: "events.insert"}
	case isEvents && len(parts) == 4:
		names = map[string]string{
			http.MethodGet: "events.get", http.MethodPatch: "events.patch", http.MethodPut: "events.update", http.MethodDelete: "events.delete",
		}
	}
	return names[method]
}

// reads reports whether a call changes nothing at the service.
func (x *exchange) reads() bool {
	// Google's APIs and some frameworks take the method from a header.
	for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
		for _, m := range x.R.Header.Values(name) {
			if m != "" && !strings.EqualFold(m, http.MethodGet) {
				return false
			}
		}
	}
	switch x.o.Kind {
	case "openai":
		return openaiwire.Reads(x.R.Method, x.R.URL.Path)
	case "calendar":
		if x.Call.Operation == "freebusy.query" {
			return true
		}
	}
	return x.R.Method == http.MethodGet || x.R.Method == http.MethodHead || x.R.Method == http.MethodOptions
}

// deployment is the name in a path of Azure's, "/openai/deployments/<name>/...".
func deployment(path string) string {
	_, rest, ok := strings.Cut(path, "/deployments/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// retryCount reads the attempt as OpenAI's own client libraries declare it.
func retryCount(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}
