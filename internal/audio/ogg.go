package audio

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// Flags of a page of Ogg (RFC 3533, section 6).
const (
	firstPage = 2
	lastPage  = 4
)

const capturePattern = "OggS"

// pageWriter writes pages of one logical stream.
type pageWriter struct {
	buf      []byte
	serial   uint32
	sequence uint32
}

// page appends a page that holds whole packets, 255 segments at most.
func (w *pageWriter) page(flags byte, granule int64, packets ...[]byte) {
	start := len(w.buf)
	b := append(w.buf, capturePattern...)
	b = append(b, 0, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(granule))
	b = binary.LittleEndian.AppendUint32(b, w.serial)
	b = binary.LittleEndian.AppendUint32(b, w.sequence)
	b = append(b, 0, 0, 0, 0) // the checksum
	segments := len(b)
	b = append(b, 0)
	for _, p := range packets {
		for n := len(p); ; n -= 255 {
			b = append(b, byte(min(n, 255)))
			if n < 255 {
				break
			}
		}
	}
	b[segments] = byte(len(b) - segments - 1)
	for _, p := range packets {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint32(b[start+22:], checksum(b[start:]))
	w.buf = b
	w.sequence++
}

// checksum is the CRC of Ogg: polynomial 0x04c11db7, most significant bit first, without inversions. It is the
// mirror image of the CRC-32 that the processor knows.
func checksum(page []byte) uint32 {
	mirror := make([]byte, len(page))
	for i, c := range page {
		mirror[i] = bits.Reverse8(c)
	}
	return bits.Reverse32(^crc32.Update(^uint32(0), crc32.IEEETable, mirror))
}

// oggLength returns how many samples the first stream of a file has, and how many there are to a
// second. Where a file was cut off, its last whole page counts.
func oggLength(file []byte) (samples, rate int64, ok bool) {
	skip, rate, ok := oggCodec(file)
	if !ok {
		return 0, 0, false
	}
	for at := bytes.LastIndex(file, []byte(capturePattern)); at >= 0; at = bytes.LastIndex(file[:at], []byte(capturePattern)) {
		if !wholePage(file[at:]) {
			continue
		}
		// -1 is of a page on which no packet ends.
		if granule := int64(binary.LittleEndian.Uint64(file[at+6:])); granule >= 0 {
			return max(0, granule-skip), rate, true
		}
	}
	return 0, 0, false
}

// wholePage reports whether a page has all that its head announces.
func wholePage(page []byte) bool {
	if len(page) < 27 || len(page) < 27+int(page[26]) {
		return false
	}
	size := 27 + int(page[26])
	for _, n := range page[27:size] {
		size += int(n)
	}
	return len(page) >= size
}

// oggCodec reads the first page: Opus or Vorbis.
func oggCodec(file []byte) (skip, rate int64, ok bool) {
	if len(file) < 28 {
		return 0, 0, false
	}
	packet := file[min(len(file), 27+int(file[26])):]
	switch {
	case bytes.HasPrefix(packet, []byte("OpusHead")) && len(packet) >= 12:
		return int64(binary.LittleEndian.Uint16(packet[10:])), sampleRate, true
	case bytes.HasPrefix(packet, []byte("\x01vorbis")) && len(packet) >= 16:
		rate := int64(binary.LittleEndian.Uint32(packet[12:]))
		return 0, rate, rate > 0
	}
	return 0, 0, false
}
