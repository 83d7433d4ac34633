package evolution

import "strings"

// The suffixes of a WhatsApp address (JID): a person's number, their hidden identity.
const (
	personSuffix = "@s.whatsapp.net"
	hiddenSuffix = "@lid"
)

// hiddenMark replaces the prefix of a user's number in their hidden identity,
// which can thus be turned back without a table.
const hiddenMark = "1"

// address is a recipient as the gateway understands it.
type address struct {
	// number is what to call the recipient: digits for a person, the whole JID for anything else.
	number string
	jid    string
	person bool
}

// addressOf reads the "number" of a send, which bots write as digits, with +,
// spaces and punctuation, or as a JID.
func (p *Platform) addressOf(text string) address {
	name, server, isJID := strings.Cut(text, "@")
	switch "@" + server {
	case personSuffix, "@c.us":
	case hiddenSuffix:
		if tail, ok := strings.CutPrefix(name, hiddenMark); ok {
			name = p.opt.Prefix + tail
		}
	default:
		if isJID {
			return address{number: text, jid: text}
		}
	}
	name, _, _ = strings.Cut(name, ":") // the number of a device, which is no part of the person's
	number := digits(name)
	return address{number: number, jid: number + personSuffix, person: number != ""}
}

// exists reports whether the number has WhatsApp: in parley's world its own users do.
func (p *Platform) exists(a address) bool {
	return a.person && (p.opt.Known == nil || p.opt.Known(a.number))
}

// digits drops everything else; it returns text itself if there is nothing to drop.
func digits(text string) string {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	if strings.IndexFunc(text, func(r rune) bool { return !isDigit(r) }) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if isDigit(r) {
			return r
		}
		return -1
	}, text)
}
