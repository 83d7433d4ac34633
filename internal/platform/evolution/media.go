package evolution

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/audio"
	"parley/internal/platform"
)

// How many voice notes the gateway remembers, and for how long.
const (
	notesKept = 1 << 14
	notesStay = time.Hour
)

// notes are the latest voice notes by message id: who said what. The sound is made from the words when it is asked for.
type notes struct {
	mu   sync.Mutex
	byID map[string]voiceNote
	ids  []string // in order of their time, from first on
	// first is the oldest that is kept; what lies before is cut off now and then.
	first int
}

type voiceNote struct {
	number string // who says it
	words  string
	at     time.Time
}

func (n *notes) add(m *platform.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byID == nil {
		n.byID = make(map[string]voiceNote)
	}
	if _, again := n.byID[m.ID]; again {
		return // its webhook is made once more
	}
	for len(n.ids) > n.first && (len(n.byID) >= notesKept || m.At.Sub(n.byID[n.ids[n.first]].at) > notesStay) {
		delete(n.byID, n.ids[n.first])
		n.first++
	}
	if n.first >= notesKept {
		n.ids, n.first = append([]string(nil), n.ids[n.first:]...), 0
	}
	n.ids = append(n.ids, m.ID)
	n.byID[m.ID] = voiceNote{number: m.From.Number, words: m.Text, at: m.At}
}

func (n *notes) find(id string) (v voiceNote, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok = n.byID[id]
	return v, ok
}

// mediaPath begins the paths of files, "media/{message id}/{file}" after the first slash. A file's name cannot be
// guessed: the path needs no key, as a link signed by an object store does not.
const mediaPath = "media/"

// The two forms of a file: as it is, and encrypted as on WhatsApp's own servers.
const (
	plainFile  = ".oga"
	sealedFile = ".enc"
)

// secretOf derives n bytes of a message's secrets from the run's key.
func (p *Platform) secretOf(purpose, id string, n int) []byte {
	mac := hmac.New(sha256.New, p.opt.Key[:])
	mac.Write([]byte(purpose + "\x00" + id))
	return mac.Sum(nil)[:n]
}

func (p *Platform) fileName(id string) string { return hex.EncodeToString(p.secretOf("name", id, 16)) }

// appendVoice appends the audioMessage of a voice note, and remembers it. Times and fields are those of
// WhatsApp's client; the address is parley's, so that nothing leads out of the run.
func (p *Platform) appendVoice(b []byte, m *platform.Message) []byte {
	p.notes.add(m)
	note := audio.Note{ID: m.ID, Words: m.Text}
	file := note.Encode()
	key := p.secretOf("media", m.ID, 32)
	sealed := seal(file, key)
	hash := func(data []byte) string {
		sum := sha256.Sum256(data)
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	path := "/" + mediaPath + m.ID + "/" + p.fileName(m.ID)
	url := func(form string) { b = appendString(b, p.opt.ServerURL+path+form) }
	b = append(b, `"audioMessage":{"url":`...)
	url(sealedFile)
	b = append(b, `,"mimetype":"`+audio.MIMEType+`","fileSha256":"`+hash(file)+`","fileLength":"`...)
	b = strconv.AppendInt(b, int64(len(file)), 10)
	b = append(b, `","seconds":`...)
	b = strconv.AppendInt(b, int64(math.Round(note.Length().Seconds())), 10)
	b = append(b, `,"ptt":true,"mediaKey":"`...)
	b = base64.StdEncoding.AppendEncode(b, key)
	b = append(b, `","fileEncSha256":"`+hash(sealed)+`","directPath":`...)
	b = appendString(b, path+sealedFile)
	b = append(b, `,"mediaKeyTimestamp":"`...)
	b = strconv.AppendInt(b, m.At.Unix(), 10)
	b = append(b, `","waveform":"`...)
	b = base64.StdEncoding.AppendEncode(b, make([]byte, 64)) // of silence
	b = append(b, '"', '}')
	switch p.opt.Config.Media {
	case "base64":
		b = append(b, `,"base64":"`...)
		b = base64.StdEncoding.AppendEncode(b, file)
		b = append(b, '"')
	case "url":
		b = append(b, `,"mediaUrl":`...)
		url(plainFile)
	}
	return b
}

// seal encrypts a file as WhatsApp's clients do before they upload it: AES-256-CBC, and ten bytes of
// HMAC-SHA256, with keys that HKDF makes from the one in the message.
func seal(file, key []byte) []byte {
	keys, err := hkdf.Key(sha256.New, key, nil, "WhatsApp Audio Keys", 112)
	if err != nil {
		panic(err) // the length asked for is one that there is
	}
	iv, cipherKey, macKey := keys[:16], keys[16:48], keys[48:80]
	block, err := aes.NewCipher(cipherKey)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	padding := aes.BlockSize - len(file)%aes.BlockSize
	sealed := make([]byte, 0, len(file)+padding+10)
	sealed = append(append(sealed, file...), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	mac := hmac.New(sha256.New, macKey)
	mac.Write(iv)
	mac.Write(sealed)
	return append(sealed, mac.Sum(nil)[:10]...)
}

// mediaFile serves GET /media/{message id}/{file}.
func (p *Platform) mediaFile(x *exchange) answer {
	path := strings.TrimPrefix(string(x.ctx.Path()), "/"+mediaPath)
	id, name, _ := strings.Cut(path, "/")
	note, ok := p.notes.find(id)
	stem, form := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		stem, form = name[:dot], name[dot:]
	}
	if !ok || !hmac.Equal([]byte(stem), []byte(p.fileName(id))) || form != plainFile && form != sealedFile {
		return refusal(x.space[:0], 404, "Not Found", `["File not found"]`)
	}
	p.about(x, note.number, id)
	file := audio.Note{ID: id, Words: note.words}.Encode()
	if form == sealedFile {
		return answer{status: 200, body: seal(file, p.secretOf("media", id, 32)), kind: "application/octet-stream"}
	}
	return answer{status: 200, body: file, kind: audio.MIMEType}
}

// mediaMessage serves getBase64FromMediaMessage. What stands in the message beside its key is not looked at, but
// that there is a medium in it. A conversion to MP4 changes what the answer says, not the file.
func (p *Platform) mediaMessage(x *exchange) answer {
	message := x.values[0]
	key := member(message, "key")
	id := textOf(member(key, "id"))
	note, ok := p.notes.find(id)
	number := note.number
	if !ok {
		number = p.addressOf(textOf(member(key, "remoteJid"))).number
	}
	p.about(x, number, id)
	complain := func(text string) answer {
		return refusal(x.space[:0], 400, "Bad Request", "["+string(appendString(nil, text))+"]")
	}
	content := member(message, "message")
	switch {
	case message == nil || string(message) == "null":
		return complain("TypeError: Cannot read properties of undefined (reading 'key')")
	case content != nil && !hasMedia(content):
		return complain("The message is not of the media type")
	case !ok:
		return complain("Message not found")
	}
	kind, extension := audio.MIMEType, "oga"
	if string(x.values[1]) == "true" {
		kind, extension = "audio/mp4", "mp4"
	}
	file := audio.Note{ID: id, Words: note.words}.Encode()
	b := append(x.space[:0], `{"mediaType":"audioMessage",`...)
	if !p.v1 {
		b = append(b, `"fileName":`...)
		b = appendString(b, id+"."+extension)
		b = append(b, ',')
	}
	b = append(b, `"size":{"fileLength":"`...)
	b = strconv.AppendInt(b, int64(len(file)), 10)
	b = append(b, `"},"mimetype":"`+kind+`","base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, file)
	b = append(b, '"')
	if !p.v1 {
		b = append(b, `,"buffer":null`...)
	}
	return answer{status: 201, body: append(b, '}')}
}

// hasMedia reports whether a message's content is of the kinds that the gateway can download.
func hasMedia(content []byte) bool {
	for _, kind := range [...]string{"audioMessage", "imageMessage", "videoMessage", "documentMessage", "stickerMessage", "ptvMessage"} {
		if member(content, kind) != nil {
			return true
		}
	}
	return false
}
