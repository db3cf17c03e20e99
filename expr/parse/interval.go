package parse

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// unitMicros are the day-time units in microseconds.
var unitMicros = map[string]int64{"WEEK": 7 * 86400e6, "DAY": 86400e6, "HOUR": 3600e6, "MINUTE": 60e6,
	"SECOND": 1e6, "MILLISECOND": 1e3, "MICROSECOND": 1}

// span is an interval being summed up.
type span struct {
	months, micros   *big.Rat
	hasYear, hasTime bool
	from, to         int // units
}

func newSpan() *span { return &span{months: new(big.Rat), micros: new(big.Rat), from: 9} }

// add adds text units; it reports false if the unit or number is none.
func (s *span) add(text, unit string) bool {
	unit = strings.TrimSuffix(strings.ToUpper(unit), "S")
	if len(text) > 40 || strings.ContainsAny(text, "eE/_xX") {
		return false
	}
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	switch unit {
	case "YEAR", "MONTH":
		if !v.IsInt() {
			return false
		}
		if unit == "YEAR" {
			v.Mul(v, big.NewRat(12, 1))
		}
		s.months.Add(s.months, v)
		s.hasYear = true
		s.shows(map[string]int{"YEAR": 0, "MONTH": 1}[unit])
		return true
	}
	factor, ok := unitMicros[unit]
	if !ok || !v.IsInt() && unit != "SECOND" {
		return false
	}
	s.shows(map[string]int{"DAY": 0, "WEEK": 0, "HOUR": 1, "MINUTE": 2, "SECOND": 3, "MILLISECOND": 3, "MICROSECOND": 3}[unit])
	s.micros.Add(s.micros, v.Mul(v, big.NewRat(factor, 1)))
	s.hasTime = true
	return true
}

// shows notes a unit.
func (s *span) shows(unit int) { s.from, s.to = min(s.from, unit), max(s.to, unit) }

// literal returns the sum, or a text that says what is wrong.
func (s *span) literal() (*Literal, string) {
	switch {
	case s.hasYear && s.hasTime:
		return nil, "an interval holds years and months, or days and below, not both"
	case s.hasYear:
		v := s.months.Num()
		if !v.IsInt64() || v.Int64() > math.MaxInt32 || v.Int64() < math.MinInt32 {
			return nil, "the interval does not fit 32 bits of months"
		}
		return &Literal{Kind: batch.YearMonth, Months: int32(v.Int64()), From: s.from, To: s.to}, ""
	}
	v := new(big.Int).Quo(s.micros.Num(), s.micros.Denom())
	if !v.IsInt64() {
		return nil, "the interval does not fit 64 bits of microseconds"
	}
	return &Literal{Kind: batch.DayTime, Micros: v.Int64(), From: s.from, To: s.to}, ""
}

// interval parses both forms: INTERVAL '1 2:03' DAY TO MINUTE and
// INTERVAL 1 hour 30 minutes, also in one string.
func (p *Parser) interval() (Node, error) {
	at := p.tok.At
	if _, err := p.Next(); err != nil {
		return nil, err
	}
	s, n := newSpan(), 0
	for {
		sign := ""
		if p.tok.Is("-") || p.tok.Is("+") {
			if next := p.after(); n > 0 && next.Kind != Number && next.Kind != Text {
				break
			} else if n > 0 && !p.unitBehind(next) {
				break
			}
			sign = strings.TrimPrefix(p.tok.Text, "+")
			if _, err := p.Next(); err != nil {
				return nil, err
			}
		} else if n > 0 && (p.tok.Kind != Number && p.tok.Kind != Text || !p.unitBehind(p.tok)) {
			break
		}
		if p.tok.Kind != Number && p.tok.Kind != Text {
			return nil, p.unexpected("a number")
		}
		if err := p.part(s, sign, n == 0); err != nil {
			return nil, err
		}
		n++
	}
	l, wrong := s.literal()
	if wrong != "" {
		return nil, syntax(p.text, at, "%s", wrong)
	}
	return l, p.at(&l.place, at)
}

// unitBehind reports whether the word behind t is a unit.
func (p *Parser) unitBehind(t Token) bool {
	u, err := lex(p.text, t.Stop)
	return err == nil && u.Kind == Word && isUnit(u.Text)
}

func isUnit(word string) bool {
	u := strings.TrimSuffix(strings.ToUpper(word), "S")
	return unitMicros[u] != 0 || u == "YEAR" || u == "MONTH"
}

// part reads one number or string with its unit, or a string with all of them.
func (p *Parser) part(s *span, sign string, first bool) error {
	value, err := p.Next()
	if err != nil {
		return err
	}
	if p.tok.Kind != Word || !isUnit(p.tok.Text) {
		if first && value.Kind == Text && s.sentence(value.Text, sign) {
			return nil
		}
		return syntax(p.text, value.At, "an interval needs units, such as INTERVAL 10 MINUTES or INTERVAL '1 2:03' DAY TO MINUTE")
	}
	unit, err := p.Next()
	if err != nil {
		return err
	}
	if value.Kind == Text && p.tok.Is("TO") {
		if _, err := p.Next(); err != nil {
			return err
		}
		to, err := p.Next()
		if err != nil {
			return err
		}
		if !s.fromTo(value.Text, sign, unit.Text, to.Text) {
			return At(p.text, value.At, "INVALID_INTERVAL_FORMAT", "the interval "+strconv.Quote(short(value.Text))+" does not fit "+unit.Text+" TO "+to.Text, "")
		}
		return nil
	}
	text := strings.TrimSpace(value.Text)
	if sign == "-" {
		text = negated(text)
	}
	if !s.add(text, unit.Text) {
		return At(p.text, value.At, "INVALID_INTERVAL_FORMAT", strconv.Quote(short(value.Text))+" is no number of "+strings.ToLower(unit.Text), "")
	}
	return nil
}

func negated(text string) string {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		return rest
	}
	return "-" + strings.TrimPrefix(text, "+")
}

// sentence reads "1 hour 30 minutes".
func (s *span) sentence(text, sign string) bool {
	words := strings.Fields(strings.ToLower(text))
	if len(words) > 0 && words[0] == "interval" {
		words = words[1:]
	}
	if len(words) == 0 || len(words)%2 == 1 || len(words) > 40 {
		return false
	}
	for i := 0; i < len(words); i += 2 {
		v := words[i]
		if sign == "-" {
			v = negated(v)
		}
		if !isUnit(words[i+1]) || !s.add(v, words[i+1]) {
			return false
		}
	}
	return true
}

// ParseInterval reads an interval as text: "1 hour 30 minutes", "10 seconds",
// with or without the word interval before it. It reports whether it is one.
func ParseInterval(text string) (months int32, micros int64, ok bool) {
	s := newSpan()
	if !s.sentence(text, "") {
		return 0, 0, false
	}
	l, wrong := s.literal()
	if wrong != "" {
		return 0, 0, false
	}
	return l.Months, l.Micros, true
}

var dayTimeUnits = []string{"DAY", "HOUR", "MINUTE", "SECOND"}

// fromTo reads the fields of an ANSI interval: y-m, or d h:m:s.
func (s *span) fromTo(text, sign, from, to string) bool {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		text = rest
		sign = negated(sign)
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	sign = strings.TrimPrefix(sign, "+")
	if sign != "-" {
		sign = ""
	}
	from, to = strings.TrimSuffix(strings.ToUpper(from), "S"), strings.TrimSuffix(strings.ToUpper(to), "S")
	units := []string{"YEAR", "MONTH"}
	parts := strings.Split(text, "-")
	if from != "YEAR" || to != "MONTH" {
		units, parts = fieldsBetween(from, to), dayTimeParts(text, from)
	}
	if len(units) < 2 || len(parts) != len(units) {
		return false
	}
	for i, u := range units {
		if parts[i] == "" || !digit(parts[i][0]) || u == "MONTH" && len(strings.TrimLeft(parts[i], "0")) > 1 && strings.TrimLeft(parts[i], "0") > "11" || !s.add(sign+parts[i], u) {
			return false
		}
	}
	return true
}

func dayTimeParts(text, from string) []string {
	if from != "DAY" {
		return strings.Split(text, ":")
	}
	day, rest, ok := strings.Cut(text, " ")
	if !ok {
		return nil
	}
	return append([]string{day}, strings.Split(strings.TrimSpace(rest), ":")...)
}

func fieldsBetween(from, to string) []string {
	first, last := -1, -1
	for i, u := range dayTimeUnits {
		if u == from {
			first = i
		}
		if u == to {
			last = i
		}
	}
	if first < 0 || last < first {
		return nil
	}
	return dayTimeUnits[first : last+1]
}
