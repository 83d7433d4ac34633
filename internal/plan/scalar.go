package plan

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"parley/internal/fault"
)

// longest is the longest duration a plan may hold.
const longest = 24 * time.Hour

// text returns the text of a single value with the environment filled in. Numbers and
// truth values count as the text they were written as.
func (d *decoder) text(v value) (string, bool) {
	if v.node.Kind != yaml.ScalarNode {
		d.fail(v, "", "must be a single value, not %s", kindOf(v.node))
		return "", false
	}
	text, err := d.env.expand(v.node.Value, v.path)
	if err != nil {
		d.reject(v, err)
	}
	return text, err == nil
}

// scalar returns a reader which parses a single value into place.
func scalar[T any](d *decoder, into *T, parse func(string) (T, error)) func(value) {
	return func(v value) {
		text, ok := d.text(v)
		if !ok {
			return
		}
		got, err := parse(text)
		if err != nil {
			d.reject(v, err)
			return
		}
		*into = got
	}
}

// list returns a reader which parses each element of a list.
func list[T any](d *decoder, into *[]T, parse func(string) (T, error)) func(value) {
	return func(v value) {
		*into = nil
		for item := range d.items(v) {
			var one T
			before := len(d.errs)
			scalar(d, &one, parse)(item)
			if len(d.errs) == before {
				*into = append(*into, one)
			}
		}
	}
}

// reject reports why a parser refused a value, at the offending place within
// it where that can be told.
func (d *decoder) reject(v value, err error) {
	var own *flaw
	var syntax *fault.SyntaxError
	switch {
	case errors.As(err, &own):
		d.failAt(d.inside(v, own.offset), v.path, own.hint, own.problem)
	case errors.As(err, &syntax):
		d.failAt(d.inside(v, syntax.Offset), v.path, syntax.Hint, syntax.Problem)
	default:
		d.failAt(v.at, v.path, "", err.Error())
	}
}

// inside returns the place of a byte offset in a value's text: that of the value
// itself if the text does not stand in the file as it is (escapes, several lines).
func (d *decoder) inside(v value, offset int) position {
	if v.at != positionOf(v.node) || v.at.line > len(d.lines) || offset > len(v.node.Value) {
		return v.at
	}
	line := []rune(d.lines[v.at.line-1])
	from := v.at.column - 1
	if v.node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		from++
	}
	if from > len(line) || !strings.HasPrefix(string(line[from:]), v.node.Value) {
		return v.at
	}
	return position{v.at.line, from + 1 + utf8.RuneCountInString(v.node.Value[:offset])}
}

func anyText(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", flawf("", "is empty")
	}
	return s, nil
}

func secret(s string) (Secret, error) {
	_, err := anyText(s)
	return Secret(s), err
}

func truth(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, flawf("write true or false", "%q is neither true nor false", s)
}

// oneOf accepts the listed words.
func oneOf(kind string, words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		return "", flawf(suggest(s, words, kind), "%q is not one of the %s", s, kind)
	}
}

// matching accepts texts of a pattern; rule says in words what it wants.
func matching(pattern, rule string) func(string) (string, error) {
	re := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return func(s string) (string, error) {
		if re.MatchString(s) {
			return s, nil
		}
		return "", flawf(rule, "%q cannot be used here", s)
	}
}

func variable(s string) (string, error) {
	if !variableName.MatchString(s) {
		return "", flawf("use letters, digits and _, not beginning with a digit", "%q cannot name an environment variable", s)
	}
	return s, nil
}

func expression(s string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, flawf("see the syntax of RE2", "not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

// span accepts durations between two limits, in Go's syntax.
func span(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(strings.TrimSpace(s))
		switch {
		case err != nil && isNumber(s):
			return 0, flawf(fmt.Sprintf("write %ss or %sms", s, s), "%q has no unit", s)
		case err != nil:
			return 0, flawf("write 30s, 1m30s or 250ms", "%q is not a duration", s)
		case d < least:
			return 0, flawf(fmt.Sprintf("the least is %s", brief(least)), "%s is too short", s)
		case d > most:
			return 0, flawf(fmt.Sprintf("the most is %s", brief(most)), "%s is too long", s)
		}
		return d, nil
	}
}

// brief writes a duration without the zero units Go adds ("24h", not "24h0m0s").
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// share accepts "30%" and 0.3.
func share(s string) (float64, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := number(strings.TrimSpace(text))
	switch {
	case err != nil:
		return 0, flawf("write 30% or 0.3", "%q is not a share", s)
	case percent:
		f /= 100
	case f > 1 && f <= 100:
		return 0, flawf(fmt.Sprintf("write %s%%", s), "%s is more than the whole", s)
	}
	if f < 0 || f > 1 {
		return 0, flawf("", "%s is not between 0%% and 100%%", s)
	}
	return f, nil
}

// rate accepts a number per hour, "20/min" and "5/s".
func rate(s string) (float64, error) {
	text, unit, _ := strings.Cut(s, "/")
	f, err := number(strings.TrimSpace(text))
	if err != nil {
		return 0, flawf("write 1200 (an hour), 20/min or 5/s", "%q is not a rate", s)
	}
	switch strings.TrimSpace(unit) {
	case "s", "sec", "second":
		f *= 3600
	case "min", "m", "minute":
		f *= 60
	case "", "h", "hour":
	default:
		return 0, flawf("write 1200 (an hour), 20/min or 5/s", "%q is not a rate", s)
	}
	if f <= 0 || f > 1e9 {
		return 0, flawf("", "%s is not a rate between 0 and a thousand million an hour", s)
	}
	return f, nil
}

// factor accepts numbers above a limit.
func factor(above, most float64) func(string) (float64, error) {
	return func(s string) (float64, error) {
		f, err := number(s)
		switch {
		case err != nil:
			return 0, flawf("", "%q is not a number", s)
		case f <= above || f > most:
			return 0, flawf(fmt.Sprintf("it must be more than %.0f and at most %.0f", above, most), "%s is out of range", s)
		}
		return f, nil
	}
}

// count accepts whole numbers from 1 to a limit.
func count(most int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
		switch {
		case err != nil && isNumber(s):
			return 0, flawf("", "%s is not a whole number", s)
		case err != nil:
			return 0, flawf("", "%q is not a number", s)
		case n < 1 || n > most:
			return 0, flawf(fmt.Sprintf("it must be between 1 and %d", most), "%s is out of range", s)
		}
		return n, nil
	}
}

func seed(s string) (uint64, error) {
	n, err := strconv.ParseUint(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil {
		return 0, flawf("", "%q is not a whole number from 0 to %d", s, uint64(math.MaxUint64))
	}
	return n, nil
}

// number reads a finite number; 1_000 is 1000.
func number(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = strconv.ErrRange
	}
	return f, err
}

func isNumber(s string) bool {
	_, err := number(s)
	return err == nil
}

// isLoopback reports whether a host is this machine. Names are not looked up:
// only "localhost" is known to be local.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// webURL checks an http or https URL; ${PORT} may stand for its port. Nothing of
// it stands in the error: it may hold a password.
func webURL(s string) (string, error) {
	u, err := url.Parse(strings.ReplaceAll(s, portReference, "1"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", flawf("write http://127.0.0.1:8000/path", "not an http or https URL")
	}
	return s, nil
}
