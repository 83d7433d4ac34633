package evolution

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

// respond does what the request asks. The order of the checks is the gateway's:
// body, route, instance, key, schema.
func (p *Platform) respond(x *exchange) answer {
	b := x.space[:0]
	document, complaint := document(x.ctx)
	switch {
	case complaint != "":
		// body-parser's error has a status and a message but no name, for which the gateway puts its default.
		return refusal(b, 400, "Internal Server Error", string(appendString(nil, complaint)))
	case x.route == nil:
		text := "Cannot " + string(x.ctx.Method()) + " " + string(x.ctx.RequestURI())
		return refusal(b, 404, "Not Found", "["+string(appendString(nil, text))+"]")
	case x.route.instance && x.instance != p.opt.Config.Instance:
		text := `The "` + x.instance + `" instance does not exist`
		return refusal(b, 404, "Not Found", "["+string(appendString(nil, text))+"]")
	case !x.route.open && !p.authorised(x.ctx):
		return refusal(b, 401, "Unauthorized", `"Unauthorized"`)
	}
	x.pick(document)
	complaints := x.validate()
	if len(complaints) > 0 && x.route.other != nil && x.fitsOther(document) {
		complaints = nil
	}
	if len(complaints) > 0 {
		// The list is an argument of an exception that makes a list of its arguments.
		return refusal(b, 400, "Bad Request", "[["+strings.Join(complaints, ",")+"]]")
	}
	return x.route.serve(p, x)
}

// fitsOther reports whether the document has the shape of the gateway's other version, and if so reads it as such.
func (x *exchange) fitsOther(document []byte) bool {
	own, values := x.route, x.values
	x.route, x.values = own.other, [maxProperties][]byte{}
	x.pick(document)
	if len(x.validate()) == 0 {
		return true
	}
	x.route, x.values = own, values
	return false
}

// authorised checks the global key, which is also the instance's.
func (p *Platform) authorised(ctx *fasthttp.RequestCtx) bool {
	key := p.opt.Config.APIKey.Reveal()
	return key == "" || string(ctx.Request.Header.Peek("apikey")) == key
}

// document returns the request's JSON, nil if it has none, or the complaint of a
// parser. As with Express, a body of another content type is not looked at.
func document(ctx *fasthttp.RequestCtx) (body []byte, complaint string) {
	body = ctx.PostBody()
	if len(body) == 0 || !bytes.HasPrefix(ctx.Request.Header.ContentType(), []byte("application/json")) {
		return nil, ""
	}
	if i := skipSpace(body, 0); i < len(body) && body[i] != '{' && body[i] != '[' {
		return nil, unexpected(body, i)
	}
	if json.Valid(body) {
		return body, ""
	}
	var discard any
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, &discard); errors.As(err, &syntax) && !strings.Contains(syntax.Error(), "unexpected end") {
		return nil, unexpected(body, int(min(max(1, syntax.Offset), int64(len(body))))-1)
	}
	return nil, "Unexpected end of JSON input"
}

// unexpected words a syntax error as V8 does.
func unexpected(body []byte, at int) string {
	const shown = 20
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	if len(body) > 2*shown {
		text = "..." + strings.ToValidUTF8(string(body[max(0, at-10):min(len(body), at+10)]), "\uFFFD") + "..."
	}
	return "Unexpected token '" + string(rune(body[at])) + `', "` + text + `" is not valid JSON`
}

// pick takes the properties of the route's schema out of the document.
func (x *exchange) pick(document []byte) {
	if document == nil {
		return
	}
	members(document, func(key, value []byte) {
		for i := range x.route.schema {
			switch rule := &x.route.schema[i]; {
			case rule.in == "" && rule.name == string(key):
				x.values[i] = value // of duplicates the last counts, as in JSON.parse
			case rule.in != "" && rule.in == string(key):
				x.values[i] = member(value, rule.name)
			}
		}
	})
}

// validate returns the complaints of the gateway's JSON Schema validator, each as JSON.
func (x *exchange) validate() (complaints []string) {
	complain := func(text string) { complaints = append(complaints, string(appendString(nil, text))) }
	for i := range x.route.schema {
		rule, value := &x.route.schema[i], x.values[i]
		switch {
		case value == nil:
		case !rule.kind.holds(value):
			if rule.complaint != "" {
				complain(rule.complaint)
			} else {
				complain(rule.path() + " is not of a type(s) " + string(rule.kind))
			}
		case rule.enum != nil && !rule.allows(value):
			complain(rule.path() + " is not one of enum values: " + strings.Join(rule.enum, ","))
		case rule.least > 0 && count(value) < rule.least:
			complain(rule.path() + " does not meet minimum length of " + strconv.Itoa(rule.least))
		}
	}
	for i := range x.route.schema {
		rule := &x.route.schema[i]
		switch {
		case !rule.required || x.values[i] != nil:
		case rule.in == "":
			complain(`instance requires property "` + rule.name + `"`)
		case x.hasObject(rule.in):
			complain(rule.in + ` requires property "` + rule.name + `"`)
		}
	}
	return complaints
}

// path is the property's name as the validator states it.
func (r *property) path() string {
	if r.in == "" {
		return r.name
	}
	return r.in + "." + r.name
}

// hasObject reports whether the body has that property, and an object in it. Without one it is the
// property itself that is complained about.
func (x *exchange) hasObject(name string) bool {
	for i := range x.route.schema {
		if rule := &x.route.schema[i]; rule.in == "" && rule.name == name {
			return x.values[i] != nil && objectKind.holds(x.values[i])
		}
	}
	return false
}

// holds reports whether the raw value is of the kind.
func (k jsonKind) holds(value []byte) bool {
	c := value[0]
	isNumber := c == '-' || c >= '0' && c <= '9'
	switch k {
	case stringKind:
		return c == '"'
	case arrayKind:
		return c == '['
	case objectKind:
		return c == '{'
	case booleanKind:
		return c == 't' || c == 'f'
	case numberKind:
		return isNumber
	case integerKind:
		v, err := strconv.ParseFloat(string(value), 64)
		return isNumber && err == nil && v == float64(int64(v))
	default:
		return true
	}
}

func (r *property) allows(value []byte) bool {
	return slices.Contains(r.enum, textOf(value))
}

// count returns the number of a JSON array's elements.
func count(array []byte) (n int) {
	elements(array, func([]byte) { n++ })
	return n
}

// refusal is the shape of all the gateway's errors; message is JSON.
func refusal(dst []byte, status int, name, message string) answer {
	dst = append(dst, `{"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, `,"error":"`+name+`","response":{"message":`...)
	dst = append(dst, message...)
	return answer{status: status, body: append(dst, '}', '}')}
}

// failure is the answer of an injected status.
func failure(dst []byte, status int) answer {
	name := fasthttp.StatusMessage(status)
	return refusal(dst, status, name, string(appendString(nil, name)))
}
