package evolution

import (
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
)

// frames are the parts of a webhook that do not change during a run.
type frames struct {
	upsert, update     string // up to the value of "data"
	upsertURL, editURL string
	middle             string // of an upsert's data: after the timestamp, up to the source
	destination        string // after "data", up to date_time
	tail               string // after date_time
	header             []platform.Field
	jwtKey             string
}

func newFrames(opt Options, instanceID string) frames {
	quoted := func(text string) string { return string(appendString(nil, text)) }
	head := func(event string) string {
		return `{"event":"` + event + `","instance":` + quoted(opt.Config.Instance) + `,"data":`
	}
	f := frames{
		upsert:      head(messagesUpsert),
		update:      head(messagesUpdate),
		upsertURL:   eventURL(opt, messagesUpsert),
		editURL:     eventURL(opt, messagesUpdate),
		middle:      `,"instanceId":"` + instanceID + `","source":"`,
		destination: `,"destination":` + quoted(opt.Webhook) + `,"date_time":`,
		tail: `,"sender":` + quoted(opt.Config.Number+personSuffix) +
			`,"server_url":` + quoted(opt.ServerURL) + `,"apikey":null}`,
		jwtKey: opt.Config.Headers[jwtHeader].Reveal(),
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
// body is the caller's; the header is shared and must not be changed.
func (p *Platform) Webhook(m platform.Message) platform.Webhook {
	return platform.Webhook{
		URL:    p.frames.upsertURL,
		Header: p.header(m.At),
		Body:   p.upsert(m, false),
		Event:  messagesUpsert,
	}
}

// Echo is the messages.upsert with fromMe:true by which the gateway shows the
// bot its own message (Evolution issue 1340: bots that do not filter it answer themselves).
func (p *Platform) Echo(r platform.Reply) platform.Webhook {
	m := platform.Message{ID: r.ID, From: platform.User{Number: r.To}, Text: r.Text, At: r.Delivered}
	return platform.Webhook{
		URL:    p.frames.upsertURL,
		Header: p.header(m.At),
		Body:   p.upsert(m, true),
		Event:  messagesUpsert,
	}
}

// upsert is the body of a messages.upsert; the text is written as conversation
// whatever kind of message it was, as release 2.3 does for texts.
func (p *Platform) upsert(m platform.Message, fromMe bool) []byte {
	f := &p.frames
	const fixed = 480 // what stands between the parts below
	b := make([]byte, 0, fixed+len(f.upsert)+len(f.destination)+len(f.tail)+len(m.Text)+len(m.Text)/8+len(m.From.Name))
	b = append(b, f.upsert...)
	b = append(b, `{"key":{"remoteJid":"`...)
	b = appendEscaped(b, m.From.Number)
	b = append(b, personSuffix+`","fromMe":`...)
	b = strconv.AppendBool(b, fromMe)
	b = append(b, `,"id":`...)
	b = appendString(b, m.ID)
	b = append(b, `,"remoteJidAlt":"`+hiddenMark...)
	b = appendEscaped(b, strings.TrimPrefix(m.From.Number, p.opt.Prefix))
	b = append(b, hiddenSuffix+`","addressingMode":"pn"},"pushName":`...)
	b = appendString(b, m.From.Name)
	b = append(b, `,"status":"`...)
	b = append(b, statusOf(fromMe)...)
	b = append(b, `","message":{"conversation":`...)
	b = appendString(b, m.Text)
	b = append(b, `,"messageContextInfo":{"deviceListMetadata":{},"deviceListMetadataVersion":2}}`...)
	b = append(b, `,"contextInfo":null,"messageType":"conversation","messageTimestamp":`...)
	b = strconv.AppendInt(b, m.At.Unix(), 10)
	b = append(b, f.middle...)
	b = append(b, sourceOf(m.From.Number, fromMe)...)
	b = append(b, '"', '}')
	return p.finish(b, m.At)
}

// finish ends a webhook's body after its data.
func (p *Platform) finish(b []byte, at time.Time) []byte {
	b = append(b, p.frames.destination...)
	b = appendDateTime(b, at)
	return append(b, p.frames.tail...)
}

func statusOf(fromMe bool) string {
	if fromMe {
		return "SERVER_ACK"
	}
	return "DELIVERY_ACK"
}

// sourceOf is the kind of device: three users of four have an Android telephone.
func sourceOf(number string, fromMe bool) string {
	switch {
	case fromMe:
		return "web"
	case number != "" && (number[len(number)-1]-'0')%4 == 3:
		return "ios"
	default:
		return "android"
	}
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
	b = append(b, `{"keyId":`...)
	b = appendString(b, r.ID)
	b = append(b, `,"remoteJid":"`...)
	b = appendEscaped(b, r.To)
	b = append(b, personSuffix+`","fromMe":true,"participant":"`...)
	b = appendEscaped(b, r.To)
	b = append(b, personSuffix+`","status":"`...)
	b = append(b, status...)
	b = append(b, `","instanceId":"`...)
	b = append(b, p.id...)
	b = append(b, `","messageId":"`...)
	b = appendRowID(b, r.ID)
	b = append(b, '"', '}')
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
