package evolution

import "strconv"

// welcome answers GET /, which needs no key.
func (p *Platform) welcome(x *exchange) answer {
	version := "2.3.6"
	if p.v1 {
		version = "1.8.2"
	}
	return answer{status: 200, body: append(x.space[:0], `{"status":200,"message":"Welcome to the Evolution API, it is working!",`+
		`"version":"`+version+`","clientName":"evolution_exchange","documentation":"https://doc.evolution-api.com"}`...)}
}

// presence shows "typing" to a user, and answers when the delay is over.
func (p *Platform) presence(x *exchange) answer {
	to := p.addressOf(textOf(x.values[0]))
	p.about(x, to.number, "")
	if !p.exists(to) {
		return notOnWhatsApp(x.space[:0], to)
	}
	p.wait(x, milliseconds(x.values[1]))
	b := append(x.space[:0], `{"presence":`...)
	b = append(b, x.values[2]...)
	return answer{status: 201, body: append(b, '}')}
}

func (p *Platform) markRead(x *exchange) answer {
	elements(x.values[0], func(key []byte) {
		p.about(x, p.addressOf(textOf(member(key, "remoteJid"))).number, textOf(member(key, "id")))
	})
	return answer{status: 201, body: append(x.space[:0], `{"message":"Read messages","read":"success"}`...)}
}

// numbers says which numbers have WhatsApp.
func (p *Platform) numbers(x *exchange) answer {
	b := append(x.space[:0], '[')
	elements(x.values[0], func(value []byte) {
		to := p.addressOf(textOf(value))
		p.about(x, to.number, "")
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, `{"jid":`...)
		b = appendString(b, to.jid)
		b = append(b, `,"exists":`...)
		b = strconv.AppendBool(b, p.exists(to))
		b = append(b, `,"number":`...)
		b = appendString(b, to.number)
		b = append(b, '}')
	})
	return answer{status: 200, body: append(b, ']')}
}

// findMessages answers as a gateway that stores no messages (DATABASE_SAVE_DATA_NEW_MESSAGE=false).
func (p *Platform) findMessages(x *exchange) answer {
	if jid := textOf(member(member(x.values[0], "key"), "remoteJid")); jid != "" {
		p.about(x, p.addressOf(jid).number, "")
	}
	if p.v1 {
		return answer{status: 200, body: append(x.space[:0], `[]`...)}
	}
	return answer{status: 200, body: append(x.space[:0],
		`{"messages":{"total":0,"pages":0,"currentPage":1,"records":[]}}`...)}
}

// findContacts knows the one contact that is asked for by its address.
func (p *Platform) findContacts(x *exchange) answer {
	b := append(x.space[:0], '[')
	jid := textOf(member(x.values[0], "remoteJid"))
	if p.v1 {
		jid = textOf(member(x.values[0], "id"))
	}
	if to := p.addressOf(jid); jid != "" && p.exists(to) {
		p.about(x, to.number, "")
		if p.v1 {
			b = append(b, `{"id":`...)
			b = appendString(b, to.jid)
			b = append(b, `,"pushName":null,"profilePictureUrl":null,`...)
		} else {
			b = append(b, `{"id":"`...)
			b = appendRowID(b, to.jid)
			b = append(b, `","remoteJid":`...)
			b = appendString(b, to.jid)
			b = append(b, `,"pushName":null,"profilePicUrl":null,`...)
		}
		b = append(b, p.frames.owner...)
		b = append(b, '}')
	}
	return answer{status: 200, body: append(b, ']')}
}

// picture says that nobody has one, as for users who hide it.
func (p *Platform) picture(x *exchange) answer {
	to := p.addressOf(textOf(x.values[0]))
	p.about(x, to.number, "")
	b := append(x.space[:0], `{"wuid":`...)
	b = appendString(b, to.jid)
	return answer{status: 200, body: append(b, `,"profilePictureUrl":null}`...)}
}

// connectionState also answers connect: an instance that is connected shows no QR code.
func (p *Platform) connectionState(x *exchange) answer {
	b := append(x.space[:0], `{"instance":{"instanceName":`...)
	b = appendString(b, p.opt.Config.Instance)
	return answer{status: 200, body: append(b, `,"state":"open"}}`...)}
}

func (p *Platform) fetchInstances(x *exchange) answer {
	if p.v1 {
		b := append(x.space[:0], `[{"instance":{"instanceName":`...)
		b = appendString(b, p.opt.Config.Instance)
		b = append(b, `,"owner":`...)
		b = appendString(b, p.opt.Config.Number+personSuffix)
		b = append(b, `,"profileName":null,"profilePictureUrl":null,"profileStatus":null,"status":"open"}}]`...)
		return answer{status: 200, body: b}
	}
	b := append(x.space[:0], `[{"id":"`...)
	b = append(b, p.id...)
	b = append(b, `","name":`...)
	b = appendString(b, p.opt.Config.Instance)
	b = append(b, `,"connectionStatus":"open","ownerJid":`...)
	b = appendString(b, p.opt.Config.Number+personSuffix)
	b = append(b, `,"profileName":null,"profilePicUrl":null,"integration":"WHATSAPP-BAILEYS","number":null,"businessId":null,"token":null}]`...)
	return answer{status: 200, body: b}
}

// setWebhook remembers what the bot configured and shows it again. Where parley
// sends its webhooks is the plan's to say, so that nothing else changes but one thing: a bot that asks
// for send.message gets it.
func (p *Platform) setWebhook(x *exchange) answer {
	if url := textOf(member(x.values[0], "url")); url == "" {
		return refusal(x.space[:0], 400, "Bad Request", `["Invalid \"url\" property"]`)
	}
	p.keepWebhook(append([]byte(nil), x.values[0]...), member(x.values[0], "events"))
	b := append(x.space[:0], `{"webhook":`...)
	b = append(b, x.values[0]...)
	return answer{status: 201, body: append(b, '}')}
}

// setFirstWebhook is setWebhook in the shape of version 1.
func (p *Platform) setFirstWebhook(x *exchange) answer {
	if url := textOf(x.values[0]); url == "" {
		return refusal(x.space[:0], 400, "Bad Request", `["Invalid \"url\" property"]`)
	}
	or := func(value []byte, absent string) []byte {
		if value == nil {
			return []byte(absent)
		}
		return value
	}
	set := append([]byte(`{"enabled":true,"url":`), x.values[0]...)
	set = append(append(set, `,"events":`...), or(x.values[1], "[]")...)
	set = append(append(set, `,"webhook_by_events":`...), or(x.values[2], "false")...)
	set = append(append(set, `,"webhook_base64":`...), or(x.values[3], "false")...)
	set = append(set, '}')
	p.keepWebhook(set, x.values[1])
	b := append(x.space[:0], `{"webhook":{"instanceName":`...)
	b = appendString(b, p.opt.Config.Instance)
	b = append(append(b, `,"webhook":`...), set...)
	return answer{status: 201, body: append(b, '}', '}')}
}

func (p *Platform) keepWebhook(set, events []byte) {
	asked := false
	elements(events, func(event []byte) { asked = asked || textOf(event) == "SEND_MESSAGE" })
	p.sends.Store(asked)
	p.set.Store(&set)
}

// findWebhook shows the bot's own setting or else the plan's, without the headers, which may hold secrets.
func (p *Platform) findWebhook(x *exchange) answer {
	if kept := p.set.Load(); kept != nil {
		return answer{status: 200, body: append(x.space[:0], *kept...)}
	}
	byEvents, inBase64 := "webhookByEvents", "webhookBase64"
	b := append(x.space[:0], `{"enabled":true,"url":`...)
	b = appendString(b, p.opt.Webhook)
	if p.v1 {
		byEvents, inBase64 = "webhook_by_events", "webhook_base64"
	} else {
		b = append(b, `,"headers":{}`...)
	}
	b = append(b, `,"`+byEvents+`":`...)
	b = strconv.AppendBool(b, p.opt.Config.ByEvents)
	b = append(b, `,"`+inBase64+`":`...)
	b = strconv.AppendBool(b, p.opt.Config.Media == "base64")
	b = append(b, `,"events":["MESSAGES_UPSERT"`...)
	if p.opt.Config.Statuses {
		b = append(b, `,"MESSAGES_UPDATE"`...)
	}
	b = append(b, ']')
	if !p.v1 {
		b = append(append(b, ','), p.frames.owner...)
	}
	return answer{status: 200, body: append(b, '}')}
}
