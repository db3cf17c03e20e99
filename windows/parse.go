package windows

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// Parse reads an item of GROUP BY. It reports false if the item is no call of window or session_window: then it is a
// plain expression. An alias names the window's column.
func Parse(item string) (Spec, bool, error) {
	n, err := parse.Item(item)
	if err != nil {
		return Spec{}, false, err
	}
	return ParseNode(n, item)
}

// ParseNode is Parse of a tree that was parsed from text.
func ParseNode(n parse.Node, text string) (Spec, bool, error) {
	alias := ""
	if a, ok := n.(*parse.Alias); ok {
		n, alias = a.X, a.Name
	}
	call, ok := n.(*parse.Call)
	if !ok {
		return Spec{}, false, nil
	}
	s := Spec{alias: alias, text: text, at: call.Pos()}
	switch strings.ToLower(call.Name) {
	case "window":
		s = s.parseWindow(call)
	case "session_window":
		s = s.parseSession(call)
	default:
		return Spec{}, false, nil
	}
	return s, true, s.Check()
}

// parseTime takes the first argument.
func (s Spec) parseTime(n parse.Node) Spec {
	if c, ok := n.(*parse.Call); ok && strings.EqualFold(c.Name, "processing_time") && len(c.Args) == 0 {
		return s.OnProcessingTime()
	}
	return s.On(parse.Render(n))
}

func (s Spec) parseWindow(c *parse.Call) Spec {
	if len(c.Args) < 2 || len(c.Args) > 4 || c.Distinct || c.Filter != nil {
		s.kind = KindTumbling
		return s.mistake("WRONG_NUM_ARGS", "window takes a time, a size, and if wanted a slide and an offset: window(at, '10 minutes', '5 minutes', '1 minute')")
	}
	s = s.parseTime(c.Args[0])
	spans := [3]int64{}
	for i, what := range []string{"size", "slide", "offset"} {
		if i+1 >= len(c.Args) {
			break
		}
		v, wrong := fixedSpan(c.Args[i+1])
		if wrong != "" {
			s.at, s.kind = c.Args[i+1].Pos(), KindTumbling
			return s.mistake("NON_FOLDABLE_INPUT", "the %s of a window must be an interval of days or smaller units, such as '10 minutes': %s", what, wrong)
		}
		spans[i] = v
	}
	if len(c.Args) < 3 {
		spans[1] = spans[0]
	}
	return s.sliding(spans[0], spans[1], spans[2])
}

func (s Spec) parseSession(c *parse.Call) Spec {
	s.kind = KindSession
	if len(c.Args) != 2 || c.Distinct || c.Filter != nil {
		return s.mistake("WRONG_NUM_ARGS", "session_window takes a time and a gap: session_window(at, '5 minutes')")
	}
	s = s.parseTime(c.Args[0])
	if _, constant := c.Args[1].(*parse.Literal); !constant {
		s.gapText = parse.Render(c.Args[1])
		return s
	}
	v, wrong := fixedSpan(c.Args[1])
	if wrong != "" {
		s.at = c.Args[1].Pos()
		return s.mistake("NON_FOLDABLE_INPUT", "the gap of a session must be an interval of days or smaller units, such as '5 minutes': %s", wrong)
	}
	s.gap = v
	if v <= 0 || v > maxSpan {
		s.at = c.Args[1].Pos()
		return s.mistake("VALUE_OUT_OF_RANGE", "the gap of a session is %s, it must be at least a microsecond and at most %s", span(v), span(maxSpan))
	}
	return s
}

// fixedSpan reads an interval in microseconds from a literal, or says what is wrong.
func fixedSpan(n parse.Node) (int64, string) {
	l, ok := n.(*parse.Literal)
	if !ok {
		return 0, fmt.Sprintf("%s is no constant", parse.Render(n))
	}
	switch l.Kind {
	case batch.DayTime:
		return l.Micros, ""
	case batch.YearMonth:
		return 0, "months and years differ in length"
	case batch.String:
		months, micros, ok := parse.ParseInterval(l.Text)
		switch {
		case !ok:
			return 0, fmt.Sprintf("%q is no interval", l.Text)
		case months != 0:
			return 0, "months and years differ in length"
		}
		return micros, ""
	}
	return 0, fmt.Sprintf("%s is no interval", parse.Render(n))
}
