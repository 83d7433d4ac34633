package evolution

import (
	"cmp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/plan"
	"parley/internal/platform"
)

// The events parley sends.
const (
	messagesUpsert = "messages.upsert"
	messagesUpdate = "messages.update"
	sendMessage    = "send.message"
)

// frames are the parts of a webhook that do not change during a run.
type frames struct {
	upsert, update, send        string // up to the value of "data"
	upsertURL, editURL, sendURL string
	middle                      string // of a message's data: after the timestamp, up to the source
	owner                       string // of a receipt's data: the member that names the instance
	destination                 string // after "data", up to date_time
	tail                        string // after date_time
	header                      []platform.Field
	jwtKey                      string
}

func newFrames(opt Options, instanceID string) frames {
	quoted := func(text string) string { return string(appendString(nil, text)) }
	head := func(event string) string {
		return `{"event":"` + event + `","instance":` + quoted(opt.Config.Instance) + `,"data":`
	}
	owner := `"instanceId":"` + instanceID + `"`
	if opt.Config.Version == "v1" {
		owner = `"owner":` + quoted(opt.Config.Instance)
	}
	f := frames{
		upsert:      head(messagesUpsert),
		update:      head(messagesUpdate),
		send:        head(sendMessage),
		upsertURL:   eventURL(opt, messagesUpsert),
		editURL:     eventURL(opt, messagesUpdate),
		sendURL:     eventURL(opt, sendMessage),
		middle:      `,` + owner + `,"source":"`,
		owner:       owner,
		destination: `,"destination":` + quoted(opt.Webhook) + `,"date_time":`,
		tail: `,"sender":` + quoted(opt.Config.Number+personSuffix) +
			`,"server_url":` + quoted(opt.ServerURL) + `,"apikey":null}`,
		jwtKey: cmp.Or(opt.Config.JWTKey, opt.Config.Headers[jwtHeader]).Reveal(),
	}
	f.header = staticHeader(opt.Config.Headers)
	return f
}

// eventURL adds the event in kebab case where the instance is configured so. "destination"
// never shows that.
func eventURL(opt Options, event string) string {
	if !opt.Config.ByEvents {
		return opt.Webhook
	}
	return opt.Webhook + "/" + strings.ReplaceAll(event, ".", "-")
}

// jwtHeader is a configured header that is not sent: its value signs a token.
const jwtHeader = "jwt_key"

// staticHeader is what every webhook carries: axios's own fields, replaced by configured ones.
func staticHeader(configured map[string]plan.Secret) []platform.Field {
	header := []platform.Field{
		{Name: "Accept", Value: "application/json, text/plain, */*"},
		{Name: "Content-Type", Value: "application/json"},
		{Name: "User-Agent", Value: "axios/1.7.9"},
	}
	names := make([]string, 0, len(configured))
	for name := range configured {
		if name != jwtHeader {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		field := platform.Field{Name: name, Value: configured[name].Reveal()}
		same := func(f platform.Field) bool {
			return textproto.CanonicalMIMEHeaderKey(f.Name) == textproto.CanonicalMIMEHeaderKey(name)
		}
		if i := slices.IndexFunc(header, same); i >= 0 {
			header[i] = field
		} else {
			header = append(header, field)
		}
	}
	return slices.Clip(header)
}

// Webhook is the messages.upsert the gateway sends for a user's message. The
// body is appended to space and the caller's; the header is shared and must not be changed.
func (p *Platform) Webhook(space []byte, m platform.Message) platform.Webhook {
	return platform.Webhook{
		URL:    p.frames.upsertURL,
		Header: p.header(m.At),
		Body:   p.upsert(space, &m),
		Event:  messagesUpsert,
	}
}

// upsert appends the body of a messages.upsert for what a user says.
func (p *Platform) upsert(b []byte, m *platform.Message) []byte {
	f := &p.frames
	b = slices.Grow(b, fixed+len(f.upsert)+len(f.destination)+len(f.tail)+len(m.Text)+len(m.Text)/8+len(m.From.Name))
	b = append(b, f.upsert...)
	b = p.appendKey(b, m.From.Number, m.ID, false)
	b = appendString(b, m.From.Name)
	if !p.v1 {
		b = append(b, `,"status":"DELIVERY_ACK"`...)
	}
	b = append(b, `,"message":{`...)
	kind := "conversation"
	switch {
	case m.Voice:
		kind = "audioMessage"
		b = p.appendVoice(b, m)
	case p.v1 && extended(m):
		kind = "extendedTextMessage"
		b = append(b, `"extendedTextMessage":{"text":`...)
		b = appendString(b, m.Text)
		b = append(b, '}')
	default:
		b = append(b, `"conversation":`...)
		b = appendString(b, m.Text)
	}
	b = append(b, `,"messageContextInfo":{"deviceListMetadata":{},"deviceListMetadataVersion":2}`...)
	b = p.appendEnd(b, kind, m.At)
	b = append(b, deviceOf(m.From.Number)...)
	b = append(b, '"', '}')
	return p.finish(b, m.At)
}

// fixed is about what stands between the variable parts of a message's webhook, in bytes.
const fixed = 480

// extended reports whether WhatsApp's client sends a text as an extended one, which release 2.3 of the gateway makes
// plain and version 1 passes on: those of an iPhone always, others if there is a link in it.
func extended(m *platform.Message) bool {
	return deviceOf(m.From.Number) == "ios" || strings.Contains(m.Text, "://")
}

// own is the webhook of an event about the bot's own message: send.message, and the messages.upsert with fromMe:true
// by which the gateway shows it once more (Evolution issue 1340: bots that do not filter it answer themselves).
func (p *Platform) own(event, to string, m *message) platform.Webhook {
	f := &p.frames
	head, url, status := f.upsert, f.upsertURL, "SERVER_ACK"
	if event == sendMessage {
		head, url, status = f.send, f.sendURL, "PENDING"
	}
	b := make([]byte, 0, fixed+len(head)+len(f.destination)+len(f.tail)+len(m.text)+len(m.text)/8)
	b = append(b, head...)
	b = p.appendKey(b, to, m.id, true)
	b = append(b, '"', '"') // the bot sees no name of its own
	if !p.v1 {
		b = append(b, `,"status":"`+status+`"`...)
	}
	b = append(b, `,"message":{`...)
	b = p.appendContent(b, m)
	b = append(b, `,"messageContextInfo":{"deviceListMetadata":{},"deviceListMetadataVersion":2}`...)
	b = p.appendEnd(b, m.messageType, m.at)
	b = append(b, `web"}`...)
	return platform.Webhook{URL: url, Header: p.header(m.at), Body: p.finish(b, m.at), Event: event}
}

// appendKey begins a message's data, up to the value of pushName.
func (p *Platform) appendKey(b []byte, number, id string, fromMe bool) []byte {
	b = append(b, `{"key":{"remoteJid":"`...)
	b = appendEscaped(b, number)
	b = append(b, personSuffix+`","fromMe":`...)
	b = strconv.AppendBool(b, fromMe)
	b = append(b, `,"id":`...)
	b = appendString(b, id)
	if !p.v1 {
		b = append(b, `,"remoteJidAlt":"`+hiddenMark...)
		b = appendEscaped(b, strings.TrimPrefix(number, p.opt.Prefix))
		b = append(b, hiddenSuffix+`","addressingMode":"pn"`...)
	}
	return append(b, `},"pushName":`...)
}

// appendEnd ends "message", and appends what follows it up to the value of source.
func (p *Platform) appendEnd(b []byte, messageType string, at time.Time) []byte {
	if p.v1 {
		b = append(b, `},"messageType":"`...)
	} else {
		b = append(b, `},"contextInfo":null,"messageType":"`...)
	}
	b = append(b, messageType...)
	b = append(b, `","messageTimestamp":`...)
	b = strconv.AppendInt(b, at.Unix(), 10)
	return append(b, p.frames.middle...)
}

// finish ends a webhook's body after its data.
func (p *Platform) finish(b []byte, at time.Time) []byte {
	b = append(b, p.frames.destination...)
	b = appendDateTime(b, at)
	return append(b, p.frames.tail...)
}

// deviceOf is the kind of a user's device: three of four have an Android telephone.
func deviceOf(number string) string {
	if number != "" && (number[len(number)-1]-'0')%4 == 3 {
		return "ios"
	}
	return "android"
}

// Status returns the messages.update webhooks that tell the bot its message was
// delivered and read. Their delays (0.2 to 1.2 s until delivery, then 0.8 to 5 s)
// are of a realistic order, not fitted to anything.
func (p *Platform) Status(r platform.Reply) [2]platform.Scheduled {
	luck := mix(p.opt.Seed ^ seedOfDelays ^ fold(r.ID))
	delivered := 200*time.Millisecond + time.Duration(share(luck)*float64(time.Second))
	read := delivered + 800*time.Millisecond + time.Duration(share(mix(luck))*4.2*float64(time.Second))
	return [2]platform.Scheduled{
		{After: delivered, Webhook: p.edit(r, "DELIVERY_ACK", r.Delivered.Add(delivered))},
		{After: read, Webhook: p.edit(r, "READ", r.Delivered.Add(read))},
	}
}

func (p *Platform) edit(r platform.Reply, status string, at time.Time) platform.Webhook {
	f := &p.frames
	b := make([]byte, 0, 320+len(f.update)+len(f.destination)+len(f.tail))
	b = append(b, f.update...)
	if p.v1 {
		b = append(b, `{"remoteJid":"`...)
		b = appendEscaped(b, r.To)
		b = append(b, personSuffix+`","fromMe":true,"id":`...)
		b = appendString(b, r.ID)
		b = append(b, `,"status":"`...)
		b = append(b, status...)
		b = append(b, `","datetime":`...)
		b = strconv.AppendInt(b, at.UnixMilli(), 10)
		b = append(b, ',')
		b = append(b, f.owner...)
	} else {
		b = append(b, `{"keyId":`...)
		b = appendString(b, r.ID)
		b = append(b, `,"remoteJid":"`...)
		b = appendEscaped(b, r.To)
		b = append(b, personSuffix+`","fromMe":true,"participant":"`...)
		b = appendEscaped(b, r.To)
		b = append(b, personSuffix+`","status":"`...)
		b = append(b, status...)
		b = append(b, '"', ',')
		b = append(b, f.owner...)
		b = append(b, `,"messageId":"`...)
		b = appendRowID(b, r.ID)
		b = append(b, '"')
	}
	b = append(b, '}')
	return platform.Webhook{URL: f.editURL, Header: p.header(at), Body: p.finish(b, at), Event: messagesUpdate}
}

// appendRowID appends the key of the gateway's own row for a message: a cuid, "c" and 24 characters of base 36.
func appendRowID(dst []byte, id string) []byte {
	const base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	word := fold(id)
	dst = append(dst, 'c')
	for i := range 24 {
		if i%12 == 0 {
			word = mix(word)
		}
		dst = append(dst, base36[word%36])
		word /= 36
	}
	return dst
}
