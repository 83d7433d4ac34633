package record

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"parley"
)

// docs/format.md is written by hand, because what a column means cannot be
// generated. This holds it to the code: the same columns, in the same order, with the same
// types, and a unit wherever the name promises one.
func TestFormatIsDocumented(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for section := range strings.SplitSeq(string(data), "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	checkColumns(t, sections["turns.parquet"], parquet.SchemaOf(parley.Turn{}))
	checkColumns(t, sections["replies.parquet"], parquet.SchemaOf(parley.Reply{}))
	checkColumns(t, sections["calls.parquet"], parquet.SchemaOf(parley.Call{}))
	checkColumns(t, sections["series.parquet"], parquet.SchemaOf(parley.Sample{}))

	var fields []string
	for field := range reflect.TypeFor[parley.Run]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	var documented []string
	for _, row := range tableRows(sections["run.json"]) {
		documented = append(documented, row[0])
	}
	same(t, "fields of run.json", fields, documented)
}

func checkColumns(t *testing.T, section string, schema *parquet.Schema) {
	t.Helper()
	var want, got [][]string
	for _, field := range schema.Fields() {
		want = append(want, []string{field.Name(), typeName(field)})
	}
	for _, row := range tableRows(section) {
		got = append(got, row[:2])
		name, unit := row[0], row[2]
		if strings.HasSuffix(name, "_ns") && unit != "ns" || strings.HasSuffix(name, "_bytes") && unit != "bytes" ||
			strings.HasSuffix(name, "_total") && unit == "" {
			t.Errorf("column %s has the unit %q", name, unit)
		}
		if row[3] == "" {
			t.Errorf("column %s has no meaning", name)
		}
	}
	same(t, "columns of "+schema.Name(), want, got)
}

// tableRows returns the cells of the Markdown table in a section, without its head.
func tableRows(section string) (rows [][]string) {
	for line := range strings.SplitSeq(section, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		cells[0] = strings.Trim(cells[0], "`")
		rows = append(rows, cells)
	}
	return rows
}

// typeName is the type of a column as the documentation calls it.
func typeName(node parquet.Node) string {
	if !node.Leaf() {
		return "list of " + typeName(node.Fields()[0].Fields()[0])
	}
	names := map[string]string{
		"INT(64,true)": "int64", "INT(64,false)": "uint64", "INT(32,true)": "int32",
		"STRING": "string", "BOOLEAN": "boolean", "DOUBLE": "double",
	}
	return names[node.Type().String()]
}
