package batch

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// TableOptions say how [AppendTable] prints rows, in the words of Spark's console sink.
type TableOptions struct {
	Rows     int // rows printed at most; 0: 20
	Truncate int // characters of a cell; 0: 20; negative: cells are whole and stand at the left
}

// AppendTable appends the rows that count of the batches, which have the schema, as the
// text table of Spark's show, with a line about what was left out.
func AppendTable(dst []byte, s *Schema, batches []*Batch, o TableOptions) []byte {
	if o.Rows <= 0 {
		o.Rows = 20
	}
	if o.Truncate == 0 {
		o.Truncate = 20
	}
	lines, more := tableCells(s, batches, o)
	widths := make([]int, len(s.Fields))
	for i := range widths {
		widths[i] = 3 // Spark's least
		for _, cells := range lines {
			widths[i] = max(widths[i], textWidth(cells[i]))
		}
	}
	rule := tableRule(widths)
	dst = append(dst, rule...)
	for n, cells := range lines {
		for i, cell := range cells {
			fill := strings.Repeat(" ", widths[i]-textWidth(cell))
			if o.Truncate > 0 {
				cell = fill + cell
			} else {
				cell += fill
			}
			dst = append(append(dst, '|'), cell...)
		}
		dst = append(dst, '|', '\n')
		if n == 0 {
			dst = append(dst, rule...)
		}
	}
	dst = append(dst, rule...)
	if more {
		plural := "s"
		if o.Rows == 1 {
			plural = ""
		}
		dst = fmt.Appendf(dst, "only showing top %d row%s\n", o.Rows, plural)
	}
	return dst
}

func tableRule(widths []int) string {
	var rule strings.Builder
	for _, w := range widths {
		rule.WriteString("+" + strings.Repeat("-", w))
	}
	rule.WriteString("+\n")
	return rule.String()
}

// tableCells returns the header and the rows as text, and whether there are more rows.
func tableCells(s *Schema, batches []*Batch, o TableOptions) (lines [][]string, more bool) {
	header := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		header[i] = tableCell([]byte(f.Name), o.Truncate)
	}
	lines = append(lines, header)
	var text []byte
	for _, b := range batches {
		for n := range b.Rows() {
			if len(lines) > o.Rows {
				return lines, true
			}
			cells := make([]string, len(s.Fields))
			for i, c := range b.Columns {
				text = AppendText(text[:0], c, b.Row(n))
				cells[i] = tableCell(text, o.Truncate)
			}
			lines = append(lines, cells)
		}
	}
	return lines, false
}

var cellEscapes = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, "\b", `\b`,
	"\v", `\v`, "\a", `\a`, "\x1b", `\x1b`)

// tableCell returns the text in one line and at most truncate characters, the last three of
// them points if it was cut.
func tableCell(text []byte, truncate int) string {
	cell := cellEscapes.Replace(strings.ToValidUTF8(string(text), "\ufffd"))
	if truncate <= 0 || utf8.RuneCountInString(cell) <= truncate {
		return cell
	}
	runes := []rune(cell)
	if truncate < 4 {
		return string(runes[:truncate])
	}
	return string(runes[:truncate-3]) + "..."
}

// textWidth returns the columns that text takes on a terminal: East Asian wide
// characters take two.
func textWidth(text string) int {
	w := 0
	for _, r := range text {
		w++
		if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
			r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
			r >= 0xffe0 && r <= 0xffe6) {
			w++
		}
	}
	return w
}
