package evolution

import (
	"strconv"
	"time"

	"parley/internal/audio"
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
	return answer{status: 201, body: p.appendSent(x.space[:0], "status@broadcast", &m)}
}

// deliver sends the exchange's message and tells parley of it.
func (p *Platform) deliver(x *exchange, to address, quoted string) answer {
	m := x.message()
	if m.kind == "text" {
		m.messageType = p.textType() // whichever shape the request had
	}
	reply := platform.Reply{
		To: to.number, Quoted: quoted, Kind: m.kind, Text: m.text,
		Bytes: len(x.ctx.PostBody()), Received: x.received,
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
	p.notify(reply, &m)
	return answer{status: 201, body: p.appendSent(x.space[:0], to.jid, &m)}
}

func (p *Platform) hand(r platform.Reply) {
	if p.opt.Deliver != nil {
		p.opt.Deliver(r)
	}
}

// notify schedules the webhooks that follow from a delivered message.
func (p *Platform) notify(r platform.Reply, m *message) {
	if p.opt.Notify == nil {
		return
	}
	if p.opt.Config.Echo {
		if p.sends.Load() {
			p.opt.Notify(platform.Scheduled{Webhook: p.own(sendMessage, r.To, m)})
		}
		// The echo is emitted before the send's own answer and overtakes it on the bot's other connection.
		p.opt.Notify(platform.Scheduled{Webhook: p.own(messagesUpsert, r.To, m)})
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
	if len(x.route.schema) < atOwn || x.route.schema[atDelay].name != "delay" {
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
	mimetype, fileName    string // of media, as far as the request says
	voice                 bool   // recorded, not attached
	at                    time.Time
}

func (x *exchange) message() message {
	m := message{kind: x.route.kind, messageType: x.route.messageType, words: x.route.words}
	m.voice = m.messageType == "audioMessage" // of sendWhatsAppAudio; sendMedia names its type below
	for i := range x.route.schema {
		switch name := x.route.schema[i].name; {
		case x.values[i] == nil:
		case name == m.words:
			m.text = textOf(x.values[i])
		case name == "mediatype":
			m.kind = textOf(x.values[i])
			m.messageType = m.kind + "Message"
		case name == "mimetype":
			m.mimetype = textOf(x.values[i])
		case name == "fileName":
			m.fileName = textOf(x.values[i])
		}
	}
	return m
}

// textType is what the gateway's own messages of text are. WhatsApp's library sends extended ones; version 2 shows
// them as plain ones.
func (p *Platform) textType() string {
	if p.v1 {
		return "extendedTextMessage"
	}
	return "conversation"
}

// appendContent appends the member of "message" that holds what was sent.
func (p *Platform) appendContent(b []byte, m *message) []byte {
	if m.messageType == "conversation" {
		b = append(b, `"conversation":`...)
		return appendString(b, m.text)
	}
	b = append(b, '"')
	b = append(b, m.messageType...)
	b = append(b, `":{`...)
	empty := len(b)
	put := func(name, value string) {
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		b = appendString(b, value)
	}
	if kind := m.mediaType(); kind != "" {
		put("mimetype", kind)
	}
	if m.fileName != "" && m.kind == "document" {
		put("fileName", m.fileName)
	}
	if m.voice {
		b = append(b, `,"ptt":true`...)
	}
	switch {
	case m.words == "" || m.text == "" && m.mediaType() != "": // without a caption
	case m.words == "reaction" || m.words == "content": // named otherwise in the request
		put("text", m.text)
	default:
		put(m.words, m.text)
	}
	return append(b, '}')
}

// mediaType is what the gateway takes media for, "" for what is none.
func (m *message) mediaType() string {
	if m.voice {
		return audio.MIMEType // the gateway converts whatever it gets
	}
	if m.mimetype != "" {
		return m.mimetype
	}
	switch m.kind {
	case "image":
		return "image/png"
	case "video":
		return "video/mp4"
	case "audio":
		return "audio/mpeg"
	case "document":
		return "application/octet-stream"
	case "sticker":
		return "image/webp"
	default:
		return ""
	}
}

// appendSent appends the gateway's account of a message it accepted.
func (p *Platform) appendSent(b []byte, jid string, m *message) []byte {
	b = append(b, `{"key":{"remoteJid":`...)
	b = appendString(b, jid)
	b = append(b, `,"fromMe":true,"id":"`...)
	b = append(b, m.id...)
	if p.v1 { // as WhatsApp's library returns it
		b = append(b, `"},"message":{`...)
		b = p.appendContent(b, m)
		b = append(b, `},"messageTimestamp":"`...)
		b = strconv.AppendInt(b, m.at.Unix(), 10)
		return append(b, `","status":"PENDING"}`...)
	}
	b = append(b, `"},"pushName":"","status":"PENDING","message":{`...)
	b = p.appendContent(b, m)
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
