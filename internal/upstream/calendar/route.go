package calendar

import (
	"net/http"
	"net/url"
	"strings"

	"parley/internal/upstream"
)

// The operations, by Google's own names of its methods.
const (
	opToken        = "token"
	opBatch        = "batch"
	opFreeBusy     = "freebusy.query"
	opList         = "events.list"
	opInsert       = "events.insert"
	opGet          = "events.get"
	opPatch        = "events.patch"
	opUpdate       = "events.update"
	opDelete       = "events.delete"
	opCalendarList = "calendarList.list"
	opCalendarsGet = "calendars.get"
)

const (
	basePath = "/calendar/v3"
	// longestSegment is the most bytes of an id: those of the longest event id Google takes.
	longestSegment = 1024
)

// TokenOperation names the calls for access tokens, which prove nothing about where the
// calls to the API itself go.
const TokenOperation = opToken

// route is what a request asks for.
type route struct {
	operation       string // "" if there is no such route
	calendar, event string
}

// withoutBase takes /calendar/v3 off a path. Client libraries whose endpoint was replaced leave it
// out, and those that resolve their paths against an endpoint without a slash at its end lose /v3.
func withoutBase(path string) string {
	if rest, ok := strings.CutPrefix(path, basePath+"/"); ok {
		return rest
	}
	rest, _ := strings.CutPrefix(path, "/calendar/")
	return rest
}

// findRoute reads a method and an escaped path.
func findRoute(method, escapedPath string) route {
	path := strings.TrimSuffix(escapedPath, "/")
	switch path {
	case "/token", "/oauth2/v4/token", "/o/oauth2/token", basePath + "/token":
		return only(method, http.MethodPost, route{operation: opToken})
	case "/batch", "/batch" + basePath, basePath + "/batch":
		return only(method, http.MethodPost, route{operation: opBatch})
	}
	parts := strings.Split(strings.TrimPrefix(withoutBase(path), "/"), "/")
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil || part == "" || len(part) > longestSegment {
			return route{}
		}
		parts[i] = part
	}
	switch {
	case len(parts) == 1 && parts[0] == "freeBusy":
		return only(method, http.MethodPost, route{operation: opFreeBusy})
	case len(parts) == 3 && parts[0] == "users" && parts[1] == "me" && parts[2] == "calendarList":
		return only(method, http.MethodGet, route{operation: opCalendarList})
	case parts[0] == "calendars" && len(parts) == 2:
		return only(method, http.MethodGet, route{operation: opCalendarsGet, calendar: parts[1]})
	case parts[0] == "calendars" && len(parts) == 3 && parts[2] == "events":
		return route{operation: collectionOperation(method), calendar: parts[1]}
	case parts[0] == "calendars" && len(parts) == 4 && parts[2] == "events":
		return route{operation: eventOperation(method), calendar: parts[1], event: parts[3]}
	}
	return route{}
}

func only(method, allowed string, r route) route {
	if method != allowed {
		return route{}
	}
	return r
}

func collectionOperation(method string) string {
	switch method {
	case http.MethodGet:
		return opList
	case http.MethodPost:
		return opInsert
	}
	return ""
}

func eventOperation(method string) string {
	switch method {
	case http.MethodGet:
		return opGet
	case http.MethodPatch:
		return opPatch
	case http.MethodPut:
		return opUpdate
	case http.MethodDelete:
		return opDelete
	}
	return ""
}

// writes reports whether an operation changes a calendar.
func writes(operation string) bool {
	switch operation {
	case opInsert, opPatch, opUpdate, opDelete:
		return true
	}
	return false
}

// unknownOperation names a request that has no route: its method and path, with a star for
// whatever may be an id.
func unknownOperation(method, path string) string {
	parts := strings.Split(strings.Trim(withoutBase(path), "/"), "/")
	if parts[0] == "calendars" {
		for i := 1; i < len(parts); i += 2 {
			parts[i] = "*"
		}
	}
	return method + " " + basePath + upstream.OperationPath(strings.Join(parts, "/"))
}
