package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// File is what the head of an audio file says.
type File struct {
	Format string // ogg, wav, mp3, flac, mp4, webm
	Length time.Duration
	// Estimated: the file does not say how long it is; the length follows from its size.
	Estimated bool
}

// Of a file that does not state its length: 32 kbit a second, as speech in compressed formats has.
const estimatedBytesPerSecond = 4000

// longest bounds what a file may claim, which is not to be trusted.
const longest = 24 * time.Hour

// Inspect reads a file's format and length; ok is false if it is none of the formats known.
func Inspect(file []byte) (f File, ok bool) {
	var units, rate int64
	switch {
	case bytes.HasPrefix(file, []byte(capturePattern)):
		f.Format = "ogg"
		if units, rate, ok = oggLength(file); !ok {
			return File{}, false
		}
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WAVE":
		f.Format = "wav"
		if units, rate, ok = wavLength(file[12:]); !ok {
			return File{}, false
		}
	case len(file) >= 26 && string(file[:4]) == "fLaC":
		f.Format = "flac"
		// STREAMINFO: 20 bits of rate, 8 of channels and depth, 36 of samples.
		word := binary.BigEndian.Uint64(file[18:])
		units, rate = known(int64(word&(1<<36-1)), int64(word>>44))
	case len(file) >= 12 && string(file[4:8]) == "ftyp":
		f.Format = "mp4"
		units, rate = mp4Length(file)
	case bytes.HasPrefix(file, []byte("\x1a\x45\xdf\xa3")):
		f.Format = "webm"
		units, rate = webmLength(file)
	default:
		f.Format = "mp3"
		if units, rate, ok = mp3Length(file); !ok {
			return File{}, false
		}
	}
	if rate <= 0 {
		units, rate, f.Estimated = int64(len(file)), estimatedBytesPerSecond, true
	}
	if seconds := float64(units) / float64(rate); seconds < longest.Seconds() {
		f.Length = time.Duration(seconds * float64(time.Second))
	} else {
		f.Length = longest
	}
	return f, true
}

// known returns zeros for a length of 0, by which formats say that they do not know it.
func known(units, rate int64) (int64, int64) {
	if units == 0 {
		return 0, 0
	}
	return units, rate
}

// wavLength returns the size of the sound and its bytes per second. A size beyond the file's end is
// that of a writer that did not know it.
func wavLength(chunks []byte) (size, rate int64, ok bool) {
	for len(chunks) >= 8 {
		name, n := string(chunks[:4]), int64(binary.LittleEndian.Uint32(chunks[4:]))
		chunks = chunks[8:]
		switch {
		case name == "fmt " && n >= 16 && len(chunks) >= 16:
			rate = int64(binary.LittleEndian.Uint32(chunks[8:]))
		case name == "data":
			return min(n, int64(len(chunks))), rate, rate > 0
		}
		chunks = chunks[min(n+n&1, int64(len(chunks))):]
	}
	return 0, 0, false
}

// mp4Length returns the duration in moov/mvhd and its units per second, zeros if there is none (ISO/IEC 14496-12).
func mp4Length(file []byte) (units, rate int64) {
	mvhd := box(box(file, "moov"), "mvhd")
	switch {
	case len(mvhd) >= 20 && mvhd[0] == 0:
		return known(int64(binary.BigEndian.Uint32(mvhd[16:])), int64(binary.BigEndian.Uint32(mvhd[12:])))
	case len(mvhd) >= 32 && mvhd[0] == 1:
		return known(int64(binary.BigEndian.Uint64(mvhd[24:])&math.MaxInt64), int64(binary.BigEndian.Uint32(mvhd[20:])))
	}
	return 0, 0
}

// box returns the content of the first box of that name, nil if there is none.
func box(boxes []byte, name string) []byte {
	for len(boxes) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(boxes)), uint64(8)
		switch {
		case size == 0: // to the end
			size = uint64(len(boxes))
		case size == 1 && len(boxes) >= 16:
			size, header = binary.BigEndian.Uint64(boxes[8:]), 16
		}
		if size < header || size > uint64(len(boxes)) {
			return nil
		}
		if string(boxes[4:8]) == name {
			return boxes[header:size]
		}
		boxes = boxes[size:]
	}
	return nil
}

// webmLength returns the duration of the segment and its units per second. Both stand near the start; a file
// that was streamed, as browsers record, has none.
func webmLength(file []byte) (units, rate int64) {
	file = file[:min(len(file), 4096)]
	scale := int64(1_000_000) // ns, unless the file says otherwise
	if at := bytes.Index(file, []byte("\x2a\xd7\xb1\x83")); at >= 0 && len(file) >= at+7 {
		scale = int64(file[at+4])<<16 | int64(file[at+5])<<8 | int64(file[at+6])
	}
	duration := 0.0
	if at := bytes.Index(file, []byte("\x44\x89\x84")); at >= 0 && len(file) >= at+7 {
		duration = float64(math.Float32frombits(binary.BigEndian.Uint32(file[at+3:])))
	} else if at := bytes.Index(file, []byte("\x44\x89\x88")); at >= 0 && len(file) >= at+11 {
		duration = math.Float64frombits(binary.BigEndian.Uint64(file[at+3:]))
	}
	if ns := duration * float64(scale); ns > 0 && ns < float64(longest) {
		return int64(ns), int64(time.Second)
	}
	return 0, 0
}
