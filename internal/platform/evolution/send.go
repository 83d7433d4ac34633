package evolution

import (
	"strconv"
	"time"

	"parley/internal/platform"
)

// longestDelay bounds the typing delay a bot may ask for; the gateway has no bound.
const longestDelay = time.Hour

// send serves the operations that send a message to a number. The gateway looks
// the number up, shows "typing" for the delay the bot asked for, sends, and only then answers.
func (p *Platform) send(x *exchange) answer {
	to := p.addressOf(textOf(x.values[atNumber]))
	quoted := ""
	if raw := x.values[atQuoted]; raw != nil {
		quoted = textOf(member(member(raw, "key"), "id"))
	}
	return p.deliver(x, to, quoted)
}

// react serves sendReaction, whose recipient stands in the key of the message reacted to.
func (p *Platform) react(x *exchange) answer {
	key := x.values[0]
	return p.deliver(x, p.addressOf(textOf(member(key, "remoteJid"))), textOf(member(key, "id")))
}

// sendStatus serves a status broadcast: no user sees it as a reply.
func (p *Platform) sendStatus(x *exchange) answer {
	m := x.message()
	p.transmit(x, &m)
	return answer{status: 201, body: p.appendSent(x.space[:0], "status@broadcast", m)}
}

// deliver sends the exchange's message and tells parley of it.
func (p *Platform) deliver(x *exchange, to address, quoted string) answer {
	m := x.message()
	reply := platform.Reply{
		To: to.number, Quoted: quoted, Kind: m.kind, Text: m.text,
		Bytes: len(x.ctx.PostBody()), Received: x.ctx.Time(),
	}
	p.about(x, to.number, quoted)
	if !p.exists(to) {
		reply.Delivered = time.Now()
		p.hand(reply)
		return notOnWhatsApp(x.space[:0], to)
	}
	p.transmit(x, &m)
	reply.ID, reply.Delivered = m.id, m.at
	p.hand(reply)
	p.notify(reply)
	return answer{status: 201, body: p.appendSent(x.space[:0], to.jid, m)}
}

func (p *Platform) hand(r platform.Reply) {
	if p.opt.Deliver != nil {
		p.opt.Deliver(r)
	}
}

// notify schedules the webhooks that follow from a delivered message.
func (p *Platform) notify(r platform.Reply) {
	if p.opt.Notify == nil {
		return
	}
	if p.opt.Config.Echo {
		// The echo is emitted before the send's own answer and overtakes it on the bot's other connection.
		p.opt.Notify(platform.Scheduled{Webhook: p.Echo(r)})
	}
	if p.opt.Config.Statuses {
		for _, s := range p.Status(r) {
			p.opt.Notify(s)
		}
	}
}

// transmit numbers the message, as WhatsApp Web's library does it, and takes the
// time the bot asked for and what the gateway and WhatsApp need.
func (p *Platform) transmit(x *exchange, m *message) {
	n := p.sent.Add(1)
	m.id = messageID("BAE5", p.opt.Seed^seedOfReplies, n)
	latency := p.opt.Config.SendLatency.Quantile(share(mix(p.opt.Seed ^ seedOfDelays + n)))
	p.wait(x, milliseconds(x.delay())+latency)
	m.at = time.Now()
}

// delay is the raw "delay" of a send, nil for reactions and broadcasts, which have none.
func (x *exchange) delay() []byte {
	if len(x.route.schema) < atOwn {
		return nil
	}
	return x.values[atDelay]
}

// milliseconds reads a raw JSON number, 0 if there is none.
func milliseconds(raw []byte) time.Duration {
	if raw == nil {
		return 0
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || v <= 0 {
		return 0
	}
	return time.Duration(min(v*float64(time.Millisecond), float64(longestDelay)))
}

// message is what a send request carries.
type message struct {
	id, kind, messageType string
	words                 string // the property that holds text
	text                  string
	at                    time.Time
}

func (x *exchange) message() message {
	m := message{kind: x.route.kind, messageType: x.route.messageType, words: x.route.words}
	for i := range x.route.schema {
		switch name := x.route.schema[i].name; {
		case name == m.words && x.values[i] != nil:
			m.text = textOf(x.values[i])
		case name == "mediatype":
			m.kind = textOf(x.values[i])
			m.messageType = m.kind + "Message"
		}
	}
	return m
}

// appendSent appends the gateway's account of a message it accepted.
func (p *Platform) appendSent(b []byte, jid string, m message) []byte {
	b = append(b, `{"key":{"remoteJid":`...)
	b = appendString(b, jid)
	b = append(b, `,"fromMe":true,"id":"`...)
	b = append(b, m.id...)
	b = append(b, `"},"pushName":"","status":"PENDING","message":{"`...)
	b = append(b, m.messageType...)
	b = append(b, `":`...)
	switch {
	case m.messageType == "conversation":
		b = appendString(b, m.text)
	case m.words == "":
		b = append(b, `{}`...)
	default:
		b = append(b, `{"`...)
		b = append(b, m.words...)
		b = append(b, `":`...)
		b = appendString(b, m.text)
		b = append(b, '}')
	}
	b = append(b, `},"contextInfo":null,"messageType":"`...)
	b = append(b, m.messageType...)
	b = append(b, `","messageTimestamp":`...)
	b = strconv.AppendInt(b, m.at.Unix(), 10)
	b = append(b, `,"instanceId":"`...)
	b = append(b, p.id...)
	return append(b, `","source":"web"}`...)
}

// notOnWhatsApp is the refusal of a number that has no WhatsApp.
func notOnWhatsApp(b []byte, to address) answer {
	b = append(b, `{"status":400,"error":"Bad Request","response":{"message":[{"jid":`...)
	b = appendString(b, to.jid)
	b = append(b, `,"exists":false,"number":`...)
	b = appendString(b, to.number)
	return answer{status: 400, body: append(b, `}]}}`...)}
}
