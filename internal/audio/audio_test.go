package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const id = "3EB0C767D82B0A74C1F2AB"

func TestNoteLength(t *testing.T) {
	for words, want := range map[string]time.Duration{
		"":                              time.Second,
		"Hi":                            time.Second,
		"Are you open on Friday at ten": 7 * perWord,
		"明日の午前十時に予約したいのですがよろしいでしょうか": 3 * perWord,
		strings.Repeat("word ", 9000): mostLength,
	} {
		if got := (Note{Words: words}).Length(); got != want {
			t.Errorf("%.20q takes %v, want %v", words, got, want)
		}
	}
}

func TestNoteSaysWhatItWasMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := Note{ID: id, Words: rapid.String().Draw(t, "words")}
		file := n.Encode()
		if got, ok := Find(file); !ok || got != n {
			t.Fatalf("%+v was read as %+v", n, got)
		}
		f, ok := Inspect(file)
		if off := f.Length - n.Length(); !ok || f.Format != "ogg" || f.Estimated || off.Abs() > time.Millisecond {
			t.Fatalf("%+v was read as %+v", n, f)
		}
	})
}

func TestNoteHasTheSizeOfSpeech(t *testing.T) {
	n := Note{ID: id, Words: strings.Repeat("word ", 20)} // 8 s
	if size := len(n.Encode()); size < 18_000 || size > 24_000 {
		t.Errorf("8 s have %d bytes", size)
	}
}

// The title survives a change of the format around it.
func TestFindNeedsNoFormat(t *testing.T) {
	n := Note{ID: id, Words: "Olá, às 10:30?"}
	for name, file := range map[string]string{
		"alone":              n.title(),
		"in ID3":             "ID3\x04\x00\x00\x00\x00\x00\x40TIT2\x00\x00\x00\x30\x00\x00\x03" + n.title() + "\x00\xff\xfb",
		"after another mark": "parley 3 parlez, parley 99 1 x" + n.title(),
	} {
		if got, ok := Find([]byte(file)); !ok || got != n {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, file := range []string{"", "parley ", "parley 22", "parley 22 5 short", "parley 99999 1 a b", "parley 1 1 ab", "parley 1 1 a \xff", "parley  1 a b"} {
		if got, ok := Find([]byte(file)); ok {
			t.Errorf("%q holds %+v", file, got)
		}
	}
}

func TestLongWordsAreCutInFrontOfACharacter(t *testing.T) {
	got, ok := Find(Note{ID: id, Words: "a" + strings.Repeat("é", mostWords)}.Encode())
	if !ok || len(got.Words) != mostWords-1 || !strings.HasSuffix(got.Words, "é") {
		t.Errorf("%d bytes are left, ending in %q", len(got.Words), got.Words[max(0, len(got.Words)-3):])
	}
}

// TestChecksum compares with the definition, bit by bit.
func TestChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := rapid.SliceOf(rapid.Byte()).Draw(t, "page")
		crc := uint32(0)
		for _, c := range page {
			crc ^= uint32(c) << 24
			for range 8 {
				if crc&(1<<31) != 0 {
					crc = crc<<1 ^ 0x04c11db7
				} else {
					crc <<= 1
				}
			}
		}
		if got := checksum(page); got != crc {
			t.Fatalf("checksum %08x, want %08x", got, crc)
		}
	})
}

func TestInspect(t *testing.T) {
	be32 := func(v uint32) string { return string(binary.BigEndian.AppendUint32(nil, v)) }
	le32 := func(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
	wav := func(size uint32, data string) string {
		return "RIFF\x00\x00\x00\x00WAVE" + "LIST" + le32(3) + "abc\x00" +
			"fmt " + le32(16) + "\x01\x00\x01\x00" + le32(8000) + le32(16000) + "\x02\x00\x10\x00" + "data" + le32(size) + data
	}
	mvhd := "\x00\x00\x00\x00" + be32(0) + be32(0) + be32(1000) + be32(2500)
	long := "\x01\x00\x00\x00" + be32(0) + be32(0) + be32(0) + be32(0) + be32(1000) + be32(0) + be32(2500)
	mp4 := func(mvhd string) string {
		inner := be32(uint32(8+len(mvhd))) + "mvhd" + mvhd
		return be32(16) + "ftypM4A \x00\x00\x00\x00" + be32(uint32(8+len(inner))) + "moov" + inner
	}
	// MPEG-1, 128 kbit/s, 44.1 kHz: 417 bytes and 1152 samples a frame. MPEG-2, 64 kbit/s, 22.05 kHz: 208 and 576.
	frame := "\xff\xfb\x90\x00" + strings.Repeat("\x00", 413)
	frame2 := "\xff\xf3\x80\x00" + strings.Repeat("\x00", 204)
	webm := "\x1a\x45\xdf\xa3....\x2a\xd7\xb1\x83\x0f\x42\x40....\x44\x89\x88" +
		string(binary.BigEndian.AppendUint64(nil, math.Float64bits(2500)))
	vorbis := func(granule int64) string {
		w := pageWriter{}
		w.page(firstPage, 0, []byte("\x01vorbis\x00\x00\x00\x00\x01"+le32(44100)))
		w.page(0, granule)
		w.page(lastPage, -1)
		return string(w.buf)
	}
	tests := []struct {
		name, file string
		want       File
	}{
		{"wav", wav(40_000, strings.Repeat("x", 40_000)), File{Format: "wav", Length: 2500 * time.Millisecond}},
		{"wav of unknown size", wav(math.MaxUint32, strings.Repeat("x", 16_000)), File{Format: "wav", Length: time.Second}},
		{"mp4", mp4(mvhd), File{Format: "mp4", Length: 2500 * time.Millisecond}},
		{"mp4 with long times", mp4(long), File{Format: "mp4", Length: 2500 * time.Millisecond}},
		{"mp4 without its index", be32(16) + "ftypM4A " + strings.Repeat("\x00", 3988), File{Format: "mp4", Length: time.Second, Estimated: true}},
		{"mp3", strings.Repeat(frame, 100), File{Format: "mp3", Length: 100 * 26122 * time.Microsecond}},
		{"mp3 behind a tag of the wrong size", "ID3\x04\x00\x00\x00\x00\x00\x04....." + frame, File{}},
		{"mp3 with tag", "ID3\x04\x00\x00\x00\x00\x00\x04...." + frame + "gap" + frame, File{Format: "mp3", Length: 2 * 26122 * time.Microsecond}},
		{"mp3 of lower rate", strings.Repeat(frame2, 10), File{Format: "mp3", Length: 10 * 26122 * time.Microsecond}},
		{"flac", "fLaC\x00\x00\x00\x22" + strings.Repeat("\x00", 10) + string(binary.BigEndian.AppendUint64(nil, 16000<<44|40000)), File{Format: "flac", Length: 2500 * time.Millisecond}},
		{"webm", webm, File{Format: "webm", Length: 2500 * time.Millisecond}},
		{"webm as it was streamed", "\x1a\x45\xdf\xa3" + strings.Repeat("x", 7996), File{Format: "webm", Length: 2 * time.Second, Estimated: true}},
		{"vorbis", vorbis(44100 * 5 / 2), File{Format: "ogg", Length: 2500 * time.Millisecond}},
		{"a claim", mp4("\x00\x00\x00\x00" + be32(0) + be32(0) + be32(1) + be32(math.MaxUint32)), File{Format: "mp4", Length: longest}},
		{"empty", "", File{}},
		{"text", "hello, this is no sound at all", File{}},
		{"only a pattern", "OggS", File{}},
		{"opus without sound", string(Note{}.Encode()[:47]), File{Format: "ogg"}},
		{"opus, cut in its head", string(Note{}.Encode()[:36]), File{}},
		{"AMR", "#!AMR\n" + strings.Repeat("x", 100), File{}},
	}
	for _, test := range tests {
		got, ok := Inspect([]byte(test.file))
		if got != test.want || ok != (test.want != File{}) {
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, ok, test.want)
		}
	}
}

func TestCutOffFileLastsToItsLastPage(t *testing.T) {
	file := Note{ID: id, Words: strings.Repeat("word ", 20)}.Encode()
	last := bytes.LastIndex(file, []byte(capturePattern))
	f, ok := Inspect(file[:last+100])
	// Eight pages of 16 packets of 60 ms, less what a decoder skips.
	if want := 8*960*time.Millisecond - preSkip*time.Second/sampleRate; !ok || (f.Length-want).Abs() > time.Microsecond {
		t.Errorf("lasts %v, want %v", f.Length, want)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(Note{ID: id, Words: "Hello"}.Encode())
	for _, seed := range []string{"", "parley 1 1 a b", "RIFF....WAVEfmt ", "fLaC", "....ftyp\x00\x00\x00\x01moov", "\x1a\x45\xdf\xa3\x44\x89\x84", "ID3\xff\xff\xff\xff\xff\xff\xff", "\xff\xfb\x90\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if got, ok := Inspect(file); ok && (got.Length < 0 || got.Length > longest || got.Format == "") {
			t.Errorf("%+v", got)
		}
		n, ok := Find(file)
		if !ok {
			return
		}
		if again, ok := Find(n.Encode()); !ok || again != n {
			t.Errorf("%+v was written as %+v", n, again)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	n := Note{ID: id, Words: "I would like to book a check-up on Friday at half past ten"}
	b.ReportAllocs()
	for b.Loop() {
		_ = n.Encode()
	}
}
