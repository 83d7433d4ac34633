// Package audio writes the voice notes of virtual users, and reads audio files as far as
// a service that transcribes them must: how long one lasts, and what is said in it if
// parley wrote it. It decodes no sound; the sound of a voice note is silence.
package audio

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MIMEType is that of a voice note, as WhatsApp states it.
const MIMEType = "audio/ogg; codecs=opus"

// What a note can hold: a title must fit into one page of Ogg, and a file into memory.
const (
	mostID     = 64
	mostWords  = 32 << 10 // bytes
	mostLength = 10 * time.Minute
)

// perWord is the pace of a calm speaker, 2.5 words a second.
const perWord = 400 * time.Millisecond

// Note is a voice note: what a user says in one message.
type Note struct {
	ID    string // of the message
	Words string
}

// Length is how long it takes to say the words: 1 s to 10 min.
func (n Note) Length() time.Duration {
	// In scripts without spaces some four characters are what a word is elsewhere.
	words := max(len(strings.Fields(n.Words)), utf8.RuneCountInString(n.Words)/8)
	return min(max(time.Second, time.Duration(words)*perWord), mostLength)
}

// The sound: packets of 60 ms (RFC 6716), three CELT frames of 20 ms that say "silence", padded to
// the size of speech as WhatsApp encodes it (a note of 8 s has some 20 kB).
const (
	sampleRate     = 48_000 // of Opus in Ogg, whatever was recorded (RFC 7845, section 4)
	packetSamples  = 60 * sampleRate / 1000
	packetSize     = 150
	packetsPerPage = 16
	preSkip        = 312 // samples a decoder drops first, as libopus needs
)

// silence returns one packet: configuration 31 (fullband, 20 ms), mono, code 3 (RFC 6716, section 3.2.5).
func silence() []byte {
	const frames, padded = 3, 1 << 6
	packet := make([]byte, packetSize)
	sound := append(packet[:0], 31<<3|3, padded|frames, packetSize-3-2*frames)
	for range frames {
		sound = append(sound, 0xff, 0xfe)
	}
	return packet
}

// Encode makes the file: Opus in Ogg (RFC 7845). Its title names the message and holds the words.
func (n Note) Encode() []byte {
	samples := int64(n.Length().Seconds() * sampleRate)
	packets := int((preSkip + samples + packetSamples - 1) / packetSamples)
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(n.ID)) // never fails
	w := pageWriter{serial: hash.Sum32()}
	w.buf = make([]byte, 0, 1024+len(n.Words)+packets*(packetSize+4))
	w.page(firstPage, 0, head())
	w.page(0, 0, n.tags())
	sound := silence()
	for done := 0; done < packets; {
		on := min(packetsPerPage, packets-done)
		done += on
		granule, flags := int64(done)*packetSamples, byte(0)
		if done == packets {
			granule, flags = preSkip+samples, lastPage // what lies beyond is not played
		}
		list := make([][]byte, on)
		for i := range list {
			list[i] = sound
		}
		w.page(flags, granule, list...)
	}
	return w.buf
}

// head is the identification header (RFC 7845, section 5.1).
func head() []byte {
	b := append([]byte("OpusHead"), 1, 1) // version, channels
	b = binary.LittleEndian.AppendUint16(b, preSkip)
	b = binary.LittleEndian.AppendUint32(b, 16_000) // rate of the recording
	return append(b, 0, 0, 0)                       // gain, channel mapping
}

// tags is the comment header (RFC 7845, section 5.2).
func (n Note) tags() []byte {
	b := []byte("OpusTags")
	sized := func(text string) {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	sized("parley")
	b = binary.LittleEndian.AppendUint32(b, 1)
	sized("TITLE=" + n.title())
	return b
}

// mark begins a title that parley wrote. The lengths of id and words follow, then both:
// "parley 22 5 3EB0C767D82B0A74C1F2 Hello". A title is the one comment that nearly every format has, so
// that a converter can carry it over, and lengths make it readable without knowing the format.
const mark = "parley "

func (n Note) title() string {
	id, words := cut(n.ID, mostID), cut(n.Words, mostWords)
	return mark + strconv.Itoa(len(id)) + " " + strconv.Itoa(len(words)) + " " + id + " " + words
}

// cut ends text after at most n bytes, in front of a character; what is not UTF-8 becomes U+FFFD.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= n {
		return text
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// Find returns the note that a file's title tells of, wherever in the file it stands.
func Find(file []byte) (n Note, ok bool) {
	for {
		_, rest, found := bytes.Cut(file, []byte(mark))
		if !found {
			return Note{}, false
		}
		if n, ok = readTitle(rest); ok {
			return n, true
		}
		file = rest
	}
}

// readTitle reads what follows the mark.
func readTitle(b []byte) (n Note, ok bool) {
	idSize, b, ok := readSize(b, mostID)
	if !ok {
		return Note{}, false
	}
	wordsSize, b, ok := readSize(b, mostWords)
	if !ok || len(b) < idSize+1+wordsSize || b[idSize] != ' ' {
		return Note{}, false
	}
	id, words := b[:idSize], b[idSize+1:][:wordsSize]
	return Note{ID: string(id), Words: string(words)}, utf8.Valid(id) && utf8.Valid(words)
}

// readSize reads a number and the space after it.
func readSize(b []byte, most int) (size int, rest []byte, ok bool) {
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			return size, b[i+1:], true
		case c < '0' || c > '9':
			return 0, nil, false
		}
		if size = 10*size + int(c-'0'); size > most {
			return 0, nil, false
		}
	}
	return 0, nil, false
}
