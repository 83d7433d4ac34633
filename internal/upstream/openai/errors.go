package openai

import (
	"fmt"
	"net/http"
)

// apiError is the error object of the API. Param and Code are null when empty.
type apiError struct {
	status  int
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

type errorBody struct {
	Error apiError `json:"error"`
}

func newError(status int, kind, param, code, format string, args ...any) apiError {
	e := apiError{status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
	if param != "" {
		e.Param = &param
	}
	if code != "" {
		e.Code = &code
	}
	return e
}

// invalid is the error of a request that is at fault itself.
func invalid(param, code, format string, args ...any) apiError {
	return newError(http.StatusBadRequest, "invalid_request_error", param, code, format, args...)
}

func noKey() apiError {
	return newError(http.StatusUnauthorized, "invalid_request_error", "", "",
		"You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "+
			"(i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from https://platform.openai.com/account/api-keys.")
}

// wrongKey does not repeat any part of the key, unlike the API: it may be a real one.
func wrongKey() apiError {
	return newError(http.StatusUnauthorized, "invalid_request_error", "", "invalid_api_key",
		"Incorrect API key provided: ********. You can find your API key at https://platform.openai.com/account/api-keys.")
}

func notFound(r *http.Request) apiError {
	return newError(http.StatusNotFound, "invalid_request_error", "", "", "Invalid URL (%s %s)", r.Method, r.URL.Path)
}

func notAllowed(r *http.Request) apiError {
	return newError(http.StatusMethodNotAllowed, "invalid_request_error", "", "method_not_supported",
		"Not allowed to %s on %s. (HINT: Perhaps you meant to use a different HTTP method?)", r.Method, r.URL.Path)
}

func tooLarge() apiError {
	return newError(http.StatusRequestEntityTooLarge, "invalid_request_error", "", "", "The request body is larger than %d bytes.", maxBody)
}

func notJSON() apiError {
	return invalid("", "", "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "+
		"your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you "+
		"have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)")
}

func missing(param string) apiError {
	return invalid(param, "missing_required_parameter", "Missing required parameter: '%s'.", param)
}

func wrongType(param, want, got string) apiError {
	return invalid(param, "invalid_type", "Invalid type for '%s': expected %s, but got %s instead.", param, want, got)
}

func tooLong(window, tokens int) apiError {
	return invalid("messages", "context_length_exceeded",
		"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.",
		window, tokens)
}

// injected is the error of a fault, in the words the API uses for its status.
func injected(status int) apiError {
	switch status {
	case http.StatusUnauthorized:
		return wrongKey()
	case http.StatusTooManyRequests:
		return newError(status, "requests", "", "rate_limit_exceeded",
			"Rate limit reached in organization %s on requests per min (RPM). Visit https://platform.openai.com/account/rate-limits to learn more.", organization)
	case http.StatusServiceUnavailable:
		return newError(status, "server_error", "", "overloaded", "The engine is currently overloaded, please try again later")
	}
	if status >= 500 {
		return newError(status, "server_error", "", "",
			"The server had an error while processing your request. Sorry about that!")
	}
	return newError(status, "invalid_request_error", "", "", "%s", http.StatusText(status))
}
