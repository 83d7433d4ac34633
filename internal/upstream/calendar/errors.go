package calendar

import (
	"encoding/json"
	"net/http"
)

// apiError is one error of the API. Google writes it twice: in the list of errors, with
// what it is about, and above the list.
type apiError struct {
	status                 int
	domain, reason         string
	message                string
	locationType, location string
}

type errorItem struct {
	Domain       string `json:"domain"`
	Reason       string `json:"reason"`
	Message      string `json:"message"`
	LocationType string `json:"locationType,omitempty"`
	Location     string `json:"location,omitempty"`
}

// body is the error as JSON.
func (e apiError) body() []byte {
	type list struct {
		Errors  []errorItem `json:"errors"`
		Code    int         `json:"code"`
		Message string      `json:"message"`
	}
	item := errorItem{Domain: e.domain, Reason: e.reason, Message: e.message, LocationType: e.locationType, Location: e.location}
	return encode(map[string]list{"error": {Errors: []errorItem{item}, Code: e.status, Message: e.message}})
}

// encode writes a value of a type that can always be written.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return text
}

func newError(status int, domain, reason, message string) *apiError {
	return &apiError{status: status, domain: domain, reason: reason, message: message}
}

// about says which parameter or header the error is about.
func (e *apiError) about(locationType, location string) *apiError {
	e.locationType, e.location = locationType, location
	return e
}

// invalid is the error of a field or parameter that cannot be understood.
func invalid(message string) *apiError {
	return newError(http.StatusBadRequest, "global", "invalid", message)
}

// invalidParameter is that of a query parameter.
func invalidParameter(name, message string) *apiError {
	return invalid(message).about("parameter", name)
}

func required(message string) *apiError {
	return newError(http.StatusBadRequest, "global", "required", message)
}

func badRequest() *apiError {
	return newError(http.StatusBadRequest, "global", "badRequest", "Bad Request")
}

func parseError() *apiError {
	return newError(http.StatusBadRequest, "global", "parseError", "Parse Error")
}

func timeRangeEmpty() *apiError {
	return newError(http.StatusBadRequest, "calendar", "timeRangeEmpty", "The specified time range is empty.").about("parameter", "timeMax")
}

func timeRangeTooLong() *apiError {
	return newError(http.StatusBadRequest, "calendar", "timeRangeTooLong", "The requested time range is too long.")
}

func invalidCredentials() *apiError {
	return newError(http.StatusUnauthorized, "global", "authError", "Invalid Credentials").about("header", "Authorization")
}

func loginRequired() *apiError {
	return newError(http.StatusUnauthorized, "global", "required", "Login Required.").about("header", "Authorization")
}

func insufficientScope() *apiError {
	return newError(http.StatusForbidden, "global", "insufficientPermissions", "Insufficient Permission")
}

func noDelegation() *apiError {
	return newError(http.StatusForbidden, "calendar", "forbiddenForServiceAccounts",
		"Service accounts cannot invite attendees without Domain-Wide Delegation of Authority.")
}

func rateLimitExceeded(status int) *apiError {
	return newError(status, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")
}

func userRateLimitExceeded() *apiError {
	return newError(http.StatusForbidden, "usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded")
}

func quotaExceeded() *apiError {
	return newError(http.StatusForbidden, "usageLimits", "quotaExceeded", "Calendar usage limits exceeded.")
}

func notFound() *apiError {
	return newError(http.StatusNotFound, "global", "notFound", "Not Found")
}

func duplicate() *apiError {
	return newError(http.StatusConflict, "global", "duplicate", "The requested identifier already exists.")
}

func deleted() *apiError {
	return newError(http.StatusGone, "global", "deleted", "Resource has been deleted")
}

func fullSyncRequired() *apiError {
	return newError(http.StatusGone, "calendar", "fullSyncRequired", "Sync token is no longer valid, a full sync is required.").
		about("parameter", "syncToken")
}

func conditionNotMet() *apiError {
	return newError(http.StatusPreconditionFailed, "global", "conditionNotMet", "Precondition Failed").about("header", "If-Match")
}

func tooLarge() *apiError {
	return newError(http.StatusRequestEntityTooLarge, "global", "uploadTooLarge", "Request Too Large")
}

// injected is the error of a fault, in the words Google uses for its status. A 403 is a quota,
// as nearly all of Google's are: that is the one clients are told to repeat.
func injected(status int) *apiError {
	switch status {
	case http.StatusUnauthorized:
		return invalidCredentials()
	case http.StatusForbidden, http.StatusTooManyRequests:
		return rateLimitExceeded(status)
	case http.StatusNotFound:
		return notFound()
	case http.StatusConflict:
		return newError(status, "global", "conflict", "Conflict")
	case http.StatusGone:
		return deleted()
	case http.StatusPreconditionFailed:
		return conditionNotMet()
	}
	if status >= http.StatusInternalServerError {
		return newError(status, "global", "backendError", "Backend Error")
	}
	return newError(status, "global", "badRequest", http.StatusText(status))
}
