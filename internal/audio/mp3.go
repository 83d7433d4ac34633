package audio

import "bytes"

// mp3Length adds up the frames of a file. Units are microseconds: frames of one file may differ.
func mp3Length(file []byte) (micros, perSecond int64, ok bool) {
	if len(file) >= 10 && bytes.HasPrefix(file, []byte("ID3")) {
		size := int(file[6]&127)<<21 | int(file[7]&127)<<14 | int(file[8]&127)<<7 | int(file[9]&127)
		file = file[min(len(file), 10+size):]
	}
	frames := 0
	for len(file) >= 4 {
		size, length := mp3Frame(file)
		if size == 0 {
			if frames == 0 {
				return 0, 0, false
			}
			file = file[1:] // look for the next frame: tags may stand between
			continue
		}
		frames++
		micros += length
		file = file[min(size, len(file)):]
	}
	return micros, 1_000_000, frames > 0
}

// mp3Frame reads the head of a frame of layer III (ISO/IEC 11172-3, 13818-3): its size in bytes, 0 if
// it is none, and its length in microseconds.
func mp3Frame(b []byte) (size int, micros int64) {
	version, layer, bitrate, rate := b[1]>>3&3, b[1]>>1&3, int(b[2]>>4), int(b[2]>>2&3)
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 || version == 1 || layer != 1 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return 0, 0
	}
	kbits := [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	hertz := [...]int{44_100, 48_000, 32_000}[rate]
	samples := 576
	switch version {
	case 3: // MPEG-1
		kbits = [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
		samples = 1152
	case 2: // MPEG-2
		hertz /= 2
	default: // MPEG-2.5
		hertz /= 4
	}
	padding := int(b[2] >> 1 & 1)
	return samples/8*kbits[bitrate]*1000/hertz + padding, int64(samples) * 1_000_000 / int64(hertz)
}
