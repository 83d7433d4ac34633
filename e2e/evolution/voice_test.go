package evolution

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parley"
	"parley/internal/record"
)

// firstVariable has the bot speak as to version 1.
const firstVariable = "FIRST"

// spokenWords are said aloud: eight words, 3.2 s at 2.5 words a second.
const spokenWords = "Olá, você tem horário na sexta às dez?"

const spokenSeconds = 3.2

// inbound is what of a webhook matters here.
type inbound struct {
	Event string
	Data  struct {
		Key struct {
			RemoteJid, ID string
			FromMe        bool
		}
		KeyID, ID, Status string
		Message           struct {
			Conversation        string
			ExtendedTextMessage struct{ Text string }
			ImageMessage        *struct{}
			DocumentMessage     *struct{}
			AudioMessage        *spoken
			Base64              string
			MediaURL            string `json:"mediaUrl"`
		}
	}
}

// spoken is an audioMessage.
type spoken struct {
	FileLength            string
	FileSha256            []byte
	FileEncSha256         []byte
	MediaKey              []byte
	URL, DirectPath, Mime string
}

// voiceNote is the shape of an audioMessage (1.2), as WhatsApp's library writes it in JSON.
func voiceNote(s *spoken) object {
	bytesOf := func(n int) check { return coded(n) }
	return object{
		"url": like(`http://127\.0\.0\.1:\d+/.+\.enc`), "directPath": like(`/.+\.enc`), "mimetype": text("audio/ogg; codecs=opus"),
		"fileSha256": bytesOf(32), "fileEncSha256": bytesOf(32), "mediaKey": bytesOf(32), "waveform": bytesOf(64),
		"fileLength": like(`[1-9]\d*`), "seconds": number(3), "ptt": truth(true), "mediaKeyTimestamp": like(`\d{10}`),
	}
}

// coded is so many bytes in base64.
type coded int

func (n coded) wrong(path string, v any) []string {
	s, _ := v.(string)
	if data, err := base64.StdEncoding.DecodeString(s); err != nil || len(data) != int(n) {
		return complain(path, fmt.Sprintf("%d bytes in base64", int(n)), v)
	}
	return nil
}

// listen gets a voice note in every way there is, has it transcribed, and answers.
func (b *bot) listen(hook *inbound, body []byte) {
	id, m := hook.Data.Key.ID, &hook.Data.Message
	file := m.Base64
	if file != "" {
		b.note(meeting{Kind: "voice base64", Path: id, Body: file})
	}
	if m.MediaURL != "" {
		file = b.fetch("voice url", id, m.MediaURL)
	}
	b.fetch("voice sealed", id, m.AudioMessage.URL)
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal(body, &whole); err != nil {
		panic(err)
	}
	if api := b.fromAPI("voice api", id, map[string]any{"message": whole.Data}); file == "" {
		file = api
	}
	b.fromAPI("voice key", id, map[string]any{"message": map[string]any{"key": map[string]any{"id": id}}})
	b.fromAPI("voice unknown", id, map[string]any{"message": map[string]any{"key": map[string]any{"id": "3EB0FFFFFFFFFFFFFFFFFF"}}})
	b.reply(hook.Data.Key.RemoteJid, b.transcribe(id, file))
}

// fetch downloads a file without a key, and notes it in base64.
func (b *bot) fetch(kind, id, url string) string {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	return b.receive(kind, id, r)
}

func (b *bot) receive(kind, id string, r *http.Request) string {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.note(meeting{Kind: kind, Path: id, Body: err.Error()})
		return ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		data = nil
	}
	coded := base64.StdEncoding.EncodeToString(data)
	b.note(meeting{Kind: kind, Path: id, Status: response.StatusCode, Header: response.Header, Body: coded})
	return coded
}

// fromAPI asks the gateway for the file.
func (b *bot) fromAPI(kind, id string, body any) string {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r, err := http.NewRequest(http.MethodPost, b.url+"/chat/getBase64FromMediaMessage/"+b.instance, bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("apikey", b.key)
	answer, err := base64.StdEncoding.DecodeString(b.receive(kind, id, r))
	if err != nil {
		panic(err)
	}
	var got struct{ Base64 string }
	_ = json.Unmarshal(answer, &got) // what is no JSON is complained about by the judge
	return got.Base64
}

// transcribe has the language model service write down what is said.
func (b *bot) transcribe(id, file string) string {
	data, err := base64.StdEncoding.DecodeString(file)
	if err != nil {
		return err.Error()
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "voice.ogg")
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, form.WriteField("model", "whisper-1"), form.Close()); err != nil {
		panic(err)
	}
	r, err := http.NewRequest(http.MethodPost, b.language+"/audio/transcriptions", &body)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer sk-simulated")
	answer, err := base64.StdEncoding.DecodeString(b.receive("voice transcript", id, r))
	if err != nil {
		panic(err)
	}
	var got struct{ Text string }
	_ = json.Unmarshal(answer, &got) // as above
	return got.Text
}

// judgeVoice: every way leads to the same file, which is sound Opus and is heard as what was said.
func (a *account) judgeVoice(t *testing.T) {
	t.Helper()
	files := map[string]map[string][]byte{} // by message, by way
	for _, m := range a.met {
		kind, ok := strings.CutPrefix(m.Kind, "voice ")
		if !ok {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(m.Body)
		if want := map[string]int{"api": 201, "key": 201, "unknown": 400, "base64": 0}; err != nil || m.Status != want[kind] && (want[kind] != 0 || m.Status != 200 && kind != "base64") {
			t.Errorf("%s: status %d, %v", kind, m.Status, err)
		}
		switch kind {
		case "api", "key":
			data = a.judgeMediaAnswer(t, data)
		case "unknown":
			for _, complaint := range shaped(string(data), refused(400, "Bad Request", list{text("Message not found")})) {
				t.Errorf("unknown message: %s", complaint)
			}
			continue
		case "url":
			if got := m.Header.Get("Content-Type"); got != "audio/ogg; codecs=opus" {
				t.Errorf("the link's content type is %q", got)
			}
		case "transcript":
			for _, complaint := range shaped(string(data), object{"text": text(spokenWords), "usage": object{"type": text("duration"), "seconds": number(4)}}) {
				t.Errorf("transcript: %s", complaint)
			}
		}
		if files[m.Path] == nil {
			files[m.Path] = map[string][]byte{}
		}
		files[m.Path][kind] = data
	}
	for id, ways := range files {
		a.judgeFile(t, id, ways)
	}
	if len(files) == 0 || len(files) > a.voices {
		t.Errorf("%d voice notes were listened to, %d were sent", len(files), a.voices)
	}
	t.Logf("%d voice notes", len(files))
}

// judgeRecord: every download of a voice note and every transcription belongs to the turn in which it was said.
func judgeRecord(t *testing.T, dir string) {
	t.Helper()
	r, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	spoken := map[int64]bool{}
	for turn := range r.Turns() {
		spoken[turn.ID] = turn.Scenario == "spoken"
	}
	seen := map[string]int{}
	for c := range r.Calls() {
		switch c.Operation {
		case "POST /v1/audio/transcriptions":
			if c.AudioSeconds < spokenSeconds-0.001 || c.AudioSeconds > spokenSeconds+0.001 {
				t.Errorf("a transcription of %v s", c.AudioSeconds)
			}
		case "GET /media/{id}":
		case "POST /chat/getBase64FromMediaMessage/{instance}":
			if c.Status == http.StatusBadRequest {
				continue // about a message that nobody sent
			}
		default:
			continue
		}
		seen[c.Operation]++
		if !spoken[c.Turn] || c.By != parley.ByIdentity {
			t.Errorf("%s belongs to turn %d (spoken: %v) by %q", c.Operation, c.Turn, spoken[c.Turn], c.By)
		}
	}
	if err := r.Err(); err != nil || len(seen) != 3 {
		t.Errorf("calls %v, %v", seen, err)
	}
}

// judgeMediaAnswer returns the file in an answer of getBase64FromMediaMessage.
func (a *account) judgeMediaAnswer(t *testing.T, body []byte) []byte {
	t.Helper()
	shape := object{
		"mediaType": text("audioMessage"), "fileName": like(`3EB0[0-9A-F]{18}\.oga`), "size": object{"fileLength": like(`\d+`)},
		"mimetype": text("audio/ogg; codecs=opus"), "base64": anyText, "buffer": null{},
	}
	if a.first {
		delete(shape, "fileName")
		delete(shape, "buffer")
	}
	for _, complaint := range shaped(string(body), shape) {
		t.Errorf("media: %s", complaint)
	}
	var got struct {
		Base64 []byte
		Size   struct{ FileLength string }
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Size.FileLength != strconv.Itoa(len(got.Base64)) {
		t.Errorf("media: %v: %s bytes are said to be %d", err, got.Size.FileLength, len(got.Base64))
	}
	return got.Base64
}

// judgeFile holds the ways of one message against each other and its announcement.
func (a *account) judgeFile(t *testing.T, id string, ways map[string][]byte) {
	t.Helper()
	file := ways["key"]
	for _, way := range []string{"api", "base64", "url"} {
		if got, there := ways[way]; there != (way == "api" || way == a.media) || there && !bytes.Equal(got, file) {
			t.Errorf("%s of %s: there %v, %d bytes, others %d", way, id, there, len(got), len(file))
		}
	}
	if ways["transcript"] == nil {
		t.Errorf("%s was not transcribed", id)
	}
	for _, m := range a.met {
		var hook inbound
		if m.Kind != "webhook" || json.Unmarshal([]byte(m.Body), &hook) != nil || hook.Data.Key.ID != id {
			continue
		}
		said := hook.Data.Message.AudioMessage
		plain, sealed := sha256.Sum256(file), sha256.Sum256(ways["sealed"])
		if !bytes.Equal(said.FileSha256, plain[:]) || !bytes.Equal(said.FileEncSha256, sealed[:]) || said.FileLength != strconv.Itoa(len(file)) || !strings.HasSuffix(said.URL, said.DirectPath) {
			t.Errorf("%s: the webhook announces another file", id)
		}
	}
	samples, packets, tags, err := readOpus(file)
	if err != nil {
		t.Errorf("%s is no Opus in Ogg: %v", id, err)
		return
	}
	if seconds := float64(samples) / 48000; seconds < spokenSeconds-0.001 || seconds > spokenSeconds+0.001 || packets < 53 {
		t.Errorf("%s lasts %v s in %d packets, want %v s", id, seconds, packets, spokenSeconds)
	}
	if !strings.Contains(tags, id) || !strings.Contains(tags, spokenWords) {
		t.Errorf("the tags of %s are %q", id, tags)
	}
}

// readOpus reads a file as RFC 3533 and RFC 7845 have it, trusting nothing: every page with its checksum, its
// place and its packets, the two headers, and each packet's own frames (RFC 6716, section 3).
func readOpus(file []byte) (samples int64, packets int, tags string, err error) {
	var all [][]byte
	var serial uint32
	var granule, decoded, skip int64
	for number := uint32(0); len(file) > 0; number++ {
		if len(file) < 27 || string(file[:4]) != "OggS" || file[4] != 0 {
			return 0, 0, "", fmt.Errorf("page %d has no head", number)
		}
		lacing := file[27:][:file[26]]
		size := 27 + len(lacing)
		for _, n := range lacing {
			size += int(n)
		}
		if size > len(file) {
			return 0, 0, "", fmt.Errorf("page %d is cut off", number)
		}
		page := bytes.Clone(file[:size])
		file = file[size:]
		sum := binary.LittleEndian.Uint32(page[22:])
		clear(page[22:26])
		if oggSum(page) != sum {
			return 0, 0, "", fmt.Errorf("the checksum of page %d is wrong", number)
		}
		if number == 0 {
			serial = binary.LittleEndian.Uint32(page[14:])
		}
		first, last := page[5]&2 != 0, page[5]&4 != 0
		if binary.LittleEndian.Uint32(page[14:]) != serial || binary.LittleEndian.Uint32(page[18:]) != number ||
			first != (number == 0) || last != (len(file) == 0) || page[5]&1 != 0 {
			return 0, 0, "", fmt.Errorf("page %d is out of place: flags %d", number, page[5])
		}
		body, packet := page[27+len(lacing):], []byte(nil)
		for _, n := range lacing {
			packet, body = append(packet, body[:n]...), body[n:]
			if n < 255 {
				all, packet = append(all, packet), nil
			}
		}
		if packet != nil {
			return 0, 0, "", fmt.Errorf("page %d ends within a packet", number)
		}
		at := int64(binary.LittleEndian.Uint64(page[6:]))
		if number < 2 && (at != 0 || len(all) != int(number)+1) {
			return 0, 0, "", fmt.Errorf("header page %d: granule %d, %d packets so far", number, at, len(all))
		}
		if at < granule {
			return 0, 0, "", fmt.Errorf("time goes back on page %d", number)
		}
		granule = at
	}
	if len(all) < 3 {
		return 0, 0, "", errors.New("there is no sound")
	}
	head := all[0]
	if len(head) != 19 || string(head[:8]) != "OpusHead" || head[8] != 1 || head[9] != 1 || head[18] != 0 {
		return 0, 0, "", fmt.Errorf("head %q", head)
	}
	skip = int64(binary.LittleEndian.Uint16(head[10:]))
	if tags, err = readTags(all[1]); err != nil {
		return 0, 0, "", err
	}
	for i, packet := range all[2:] {
		n, err := opusSamples(packet)
		if err != nil {
			return 0, 0, "", fmt.Errorf("packet %d: %w", i, err)
		}
		decoded += n
	}
	if granule > decoded || granule <= decoded-5760 {
		return 0, 0, "", fmt.Errorf("%d samples are announced, %d are there", granule, decoded)
	}
	return granule - skip, len(all) - 2, tags, nil
}

// readTags returns the comments of a comment header, which must be whole.
func readTags(packet []byte) (string, error) {
	rest, ok := bytes.CutPrefix(packet, []byte("OpusTags"))
	next := func() (text []byte) {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.LittleEndian.Uint32(rest)) {
			ok = false
			return nil
		}
		n := binary.LittleEndian.Uint32(rest)
		text, rest = rest[4:4+n], rest[4+n:]
		return text
	}
	next() // the vendor
	if !ok || len(rest) < 4 {
		return "", fmt.Errorf("tags %q", packet)
	}
	count := binary.LittleEndian.Uint32(rest)
	rest = rest[4:]
	var all []string
	for range min(count, 100) {
		tag := next()
		if !ok || bytes.IndexByte(tag, '=') < 1 {
			return "", fmt.Errorf("tags %q", packet)
		}
		all = append(all, string(tag))
	}
	return strings.Join(all, "\n"), nil
}

// opusSamples reads a packet's frames of code 3, and returns their samples at 48 kHz.
func opusSamples(packet []byte) (int64, error) {
	if len(packet) < 2 || packet[0]&3 != 3 || packet[0]>>3 != 31 || packet[0]&4 != 0 {
		return 0, fmt.Errorf("table of contents %x", packet)
	}
	frames, rest, padding := int(packet[1]&63), packet[2:], 0
	if packet[1]&64 != 0 {
		for {
			if len(rest) == 0 {
				return 0, errors.New("no room for the padding's length")
			}
			n := int(rest[0])
			rest = rest[1:]
			if n < 255 {
				padding += n
				break
			}
			padding += 254
		}
	}
	sound := len(rest) - padding
	if packet[1]&128 != 0 || frames == 0 || frames > 6 || sound <= 0 || sound%frames != 0 {
		return 0, fmt.Errorf("%d frames in %d bytes", frames, sound)
	}
	return int64(frames) * 960, nil // 20 ms each
}

// oggSum is the checksum of RFC 3533, bit by bit.
func oggSum(page []byte) (sum uint32) {
	for _, c := range page {
		sum ^= uint32(c) << 24
		for range 8 {
			top := sum >> 31
			sum = sum<<1 ^ 0x04c11db7*top
		}
	}
	return sum
}
