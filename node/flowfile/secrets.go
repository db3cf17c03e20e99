package flowfile

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// secrets is what must not be printed.
type secrets struct {
	texts   []string
	brought int // bytes that ${...} was replaced by
}

// add adds a text, the forms in which quoted texts, JSON and addresses have it, and the lines of one of several lines.
func (s *secrets) add(text string) {
	if text == "" || slices.Contains(s.texts, text) {
		return
	}
	s.texts = append(s.texts, text)
	quoted := within(strconv.Quote(text))
	s.more(quoted)
	s.more(within(strconv.Quote(quoted)))
	for _, t := range []string{text, quoted} {
		if j, err := json.Marshal(t); err == nil {
			s.more(within(string(j)))
		}
	}
	if v := unescaped(text); v != text { // as an expression has it
		s.more(v)
		s.more(within(strconv.Quote(v)))
	}
	s.more(url.QueryEscape(text))
	s.more(url.PathEscape(text))
	if strings.Contains(text, "\n") {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
				s.more(line)
			}
		}
	}
}

func within(quoted string) string { return quoted[1 : len(quoted)-1] }

// order puts the longest first: of a part and the whole the whole is replaced.
func (s *secrets) order() {
	slices.SortStableFunc(s.texts, func(a, b string) int { return len(b) - len(a) })
}

// mask replaces the texts.
func (s *secrets) mask(text string) string {
	for _, t := range s.texts {
		text = strings.ReplaceAll(text, t, "***")
	}
	return s.maskCut(text)
}

// What is too long is cut in errors, with this in place of the rest; a secret may be what was cut.
const (
	cutMark  = "..."
	leastCut = 3   // bytes of a secret beside a mark that are masked
	mostCut  = 400 // that are looked for
)

// maskCut replaces the beginnings of secrets that stand before a mark, and the ends of those that stand behind one.
func (s *secrets) maskCut(text string) string {
	for at := 0; len(s.texts) > 0; {
		i := strings.Index(text[at:], cutMark)
		if i < 0 {
			break
		}
		i += at
		before, behind := text[:i], text[i+len(cutMark):]
		head, tail := 0, 0
		for _, t := range s.texts {
			head = max(head, overlap(t, before))
			tail = max(tail, overlap(behind, t))
		}
		if head > 0 {
			before = before[:i-head] + "***"
		}
		if tail > 0 {
			behind = "***" + behind[tail:]
		}
		at = len(before) + len(cutMark)
		text = before + cutMark + behind
	}
	return text
}

// overlap returns how many bytes a begins with that b ends with, 0 if they are too few.
func overlap(a, b string) int {
	for n := min(len(a), len(b), mostCut); n >= leastCut; n-- {
		if b[len(b)-n:] == a[:n] {
			return n
		}
	}
	return 0
}

// unescaped is what an expression takes for the text within quotes.
func unescaped(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// leastSecret is how long a part of a secret must be to be looked for alone: shorter ones stand in much that is none.
const leastSecret = 6

func (s *secrets) more(part string) {
	if len(part) >= leastSecret && !slices.Contains(s.texts, part) {
		s.texts = append(s.texts, part)
	}
}

// secretNames are the parts of an option's name that make its value a secret.
var secretNames = []string{"password", "secret", "token", "key", "jaas", "connectionstring", "user.info"}

// Secret reports whether an option's value must never be printed.
func Secret(option string) bool {
	lower := strings.ToLower(option)
	return slices.ContainsFunc(secretNames, func(n string) bool { return strings.Contains(lower, n) })
}

// secretHeader reports whether a header's value must never be printed.
func secretHeader(name string) bool {
	lower := strings.ToLower(name)
	return Secret(name) || strings.Contains(lower, "auth") || strings.Contains(lower, "cookie") || strings.Contains(lower, "signature")
}

// find looks through a whole document before anything of it is understood, so that no mistake in it quotes a secret: options and headers
// by their names, addresses of webhooks, and pairs of texts in expressions such as map('…token', '…').
func (s *secrets) find(v *value, below string) {
	switch v.kind {
	case mapping:
		for i, k := range v.keys {
			s.named(below, k.text, v.values[i])
			s.find(v.values[i], k.text)
		}
	case scalar:
		s.expression(v.text)
	default:
		for _, e := range v.values {
			s.find(e, below)
		}
	}
}

// named adds the value of a key if its name says that it is a secret.
func (s *secrets) named(below, name string, v *value) {
	switch {
	case v.kind == mapping, strings.HasSuffix(name, ".type"): // PEM and such: words that stand everywhere
	case below == "headers" && secretHeader(name), Secret(name) && (below == "options" || below == "kafka" || below == "configuration" || strings.Contains(name, ".")):
		for _, e := range append([]*value{v}, v.values...) {
			s.add(e.text)
			s.parts(e.text)
		}
	case name == "webhook":
		if u, err := url.Parse(v.text); err == nil && len(u.RequestURI()) > 1 || err != nil {
			s.add(v.text)
			if err == nil {
				s.more(u.RequestURI())
			}
		}
	}
}

var (
	literal = regexp.MustCompile(`'((?:[^'\\]|\\.|'')*)'`)
	part    = regexp.MustCompile(`(?i)(?:password|secret|token|key)"?\s*=\s*(?:"([^"]*)"|([^;"\s]+))`)
)

// parts adds what is secret within a login line or a connection string, and behind the colon of user:password.
func (s *secrets) parts(text string) {
	for _, m := range part.FindAllStringSubmatch(text, -1) {
		s.more(m[1] + m[2])
	}
	if user, password, found := strings.Cut(text, ":"); found && !strings.ContainsAny(user, " =;") {
		s.more(password)
	}
}

// expression adds the values of secret options in an expression.
func (s *secrets) expression(text string) {
	all := literal.FindAllStringSubmatchIndex(text, -1)
	for i := 1; i < len(all); i++ {
		name, v := all[i-1], all[i]
		if between := text[name[1]:v[0]]; strings.TrimSpace(between) == "," && strings.Contains(text[name[2]:name[3]], ".") && Secret(text[name[2]:name[3]]) {
			s.add(text[v[2]:v[3]])
			s.parts(text[v[2]:v[3]])
		}
	}
}
