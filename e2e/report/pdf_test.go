package report

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// pagesOf reads the text of each page of a PDF as Chromium writes them: every
// object in the open, streams compressed, text as numbers of glyphs in fonts that
// say which characters these are. Spaces are left out, for glyphs are placed, not spaced.
func pagesOf(t *testing.T, pdf []byte) []string {
	t.Helper()
	objects := map[string][]byte{}
	for _, m := range regexp.MustCompile(`(?s)(\d+) 0 obj\n(.*?)\nendobj`).FindAllSubmatch(pdf, -1) {
		objects[string(m[1])] = m[2]
	}
	fonts := map[string]map[string]string{} // characters by glyph, by the font's object
	for number, object := range objects {
		if m := regexp.MustCompile(`/ToUnicode (\d+) 0 R`).FindSubmatch(object); m != nil {
			fonts[number] = glyphs(inflated(t, objects[string(m[1])]))
		}
	}
	var pages []string
	for _, kids := range regexp.MustCompile(`(?s)/Kids\s*\[([^\]]*)\]`).FindAllSubmatch(pdf, -1) {
		for _, kid := range regexp.MustCompile(`(\d+) 0 R`).FindAllSubmatch(kids[1], -1) {
			page := objects[string(kid[1])]
			if contents := regexp.MustCompile(`/Contents (\d+) 0 R`).FindSubmatch(page); contents != nil {
				pages = append(pages, textOf(inflated(t, objects[string(contents[1])]), resources(objects, page), fonts))
			}
		}
	}
	return pages
}

// resources maps the names of a page's fonts to their objects.
func resources(objects map[string][]byte, page []byte) map[string]string {
	if m := regexp.MustCompile(`/Resources (\d+) 0 R`).FindSubmatch(page); m != nil {
		page = objects[string(m[1])]
	}
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`/(F\d+) (\d+) 0 R`).FindAllSubmatch(page, -1) {
		names[string(m[1])] = string(m[2])
	}
	return names
}

// inflated is the stream of an object.
func inflated(t *testing.T, object []byte) string {
	t.Helper()
	_, data, found := bytes.Cut(object, []byte("stream\n"))
	if !found {
		return ""
	}
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("stream of the PDF: %v", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("stream of the PDF: %v", err)
	}
	return string(text)
}

// glyphs reads a font's table of characters: lines of "<glyph> <characters>", and of "<first> <last> <characters>".
func glyphs(table string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^<([0-9A-Fa-f]{4})>(?: <([0-9A-Fa-f]{4})>)? <([0-9A-Fa-f]+)>$`).FindAllStringSubmatch(table, -1) {
		last := m[2]
		if last == "" {
			last = m[1]
		}
		first, _ := strconv.ParseUint(m[1], 16, 16) // the expression lets digits alone through
		end, _ := strconv.ParseUint(last, 16, 16)
		for glyph := first; glyph <= end; glyph++ {
			units := utf16Of(m[3])
			units[len(units)-1] += uint16(glyph - first)
			out[strconv.FormatUint(glyph, 16)] = string(utf16.Decode(units))
		}
	}
	return out
}

func utf16Of(digits string) []uint16 {
	data, err := hex.DecodeString(digits)
	if err != nil || len(data) < 2 {
		return []uint16{0}
	}
	var out []uint16
	for i := 0; i+1 < len(data); i += 2 {
		out = append(out, uint16(data[i])<<8|uint16(data[i+1]))
	}
	return out
}

// textOf reads what a page's drawing says, in the order it is drawn.
func textOf(drawing string, names map[string]string, fonts map[string]map[string]string) string {
	var out strings.Builder
	var font map[string]string
	for _, m := range regexp.MustCompile(`/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>`).FindAllStringSubmatch(drawing, -1) {
		if m[1] != "" {
			font = fonts[names[m[1]]]
			continue
		}
		for i := 0; i+4 <= len(m[2]); i += 4 {
			glyph, _ := strconv.ParseUint(m[2][i:i+4], 16, 16)
			out.WriteString(font[strconv.FormatUint(glyph, 16)])
		}
	}
	return squeezed(out.String())
}

// squeezed leaves white space out.
func squeezed(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\u00a0", " ")), "")
}
