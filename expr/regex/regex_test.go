package regex

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// expressions draws an expression out of what RE2 has.
func expressions() *rapid.Generator[string] {
	leaf := rapid.SampledFrom([]string{"a", "b", "ab", "é", "日", ".", "[ab]", "[^a]", `\d`, `\w`, `\s`, `\b`, `\B`, "^", "$", `\A`, `\z`, "", "x1", `\pL`, "\uFFFD", "\uFFFDb", "[a-z]", "(?:)", "[^0-9]", "\n", "\\."})
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(leaf, 1, 6).Draw(t, "parts")
		s := ""
		for i, p := range parts {
			switch rapid.IntRange(0, 9).Draw(t, "how") {
			case 0:
				p = "(" + p + ")"
			case 1:
				p = "(?:" + p + ")*"
			case 2:
				p = "(?:" + p + ")+?"
			case 3:
				p = "(?:" + p + ")?"
			case 4:
				p = "(?:" + p + "){1,2}"
			case 5:
				if i > 0 {
					s += "|"
				}
			case 6:
				s = "(" + s + p + ")*"
				continue
			}
			s += p
		}
		return rapid.SampledFrom([]string{"", "", "(?i)", "(?m)", "(?s)", "(?U)"}).Draw(t, "flags") + s
	})
}

func inputs() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{"a", "b", "ab", "A", "é", "É", "日", "1", "_", " ", "\n", "x1", ".", "\xff", "\xffb", "\uFFFD", "\xe6\x97", "aab", ""})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "pieces"), "") })
}

// Whatever regexp finds is found, and nothing else.
func TestSameAsRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := expressions().Draw(t, "expression")
		want, err := regexp.Compile(text)
		if err != nil {
			t.Skip("no expression")
		}
		r, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if r.forward == nil || r.backward == nil {
			t.Fatalf("%q has no automaton", text)
		}
		m := r.Machine()
		defer m.Release()
		for range 3 {
			in := inputs().Draw(t, "input")
			same(t, want, m, in)
		}
	})
}

type failer interface {
	Helper()
	Errorf(string, ...any)
}

func same(t failer, want *regexp.Regexp, m *Machine, in string) {
	t.Helper()
	s := []byte(in)
	if is := want.Match(s); m.Match(s) != is {
		t.Errorf("%q matches %q: %v", want, in, is)
	}
	at := want.FindIndex(s)
	if at == nil {
		at = []int{-1, -1}
	}
	if start, end := m.Find(s); start != at[0] || end != at[1] {
		t.Errorf("%q in %q: %d to %d, want %v", want, in, start, end, at)
	}
	for _, most := range []int{-1, 2, 0} {
		var all []int
		for _, at := range javaMatches(want, in, most) {
			all = append(all, at[0], at[1])
			if got := m.Groups(nil, s, at[0], at[1]); !slices.Equal(got, at) {
				t.Errorf("groups of %q in %q: %v, want %v", want, in, got, at)
			}
			if got := m.r.contexts.groups(nil, s, at[0], at[1]); !slices.Equal(got, at) {
				t.Errorf("groups of %q in %q by regexp: %v, want %v", want, in, got, at)
			}
		}
		if got := m.All(nil, s, most); !slices.Equal(got, all) {
			t.Errorf("all %d of %q in %q: %v, want %v", most, want, in, got, all)
		}
	}
}

// javaMatches returns the matches that Java's Matcher finds one behind the other, each by a search of the whole text that has to
// pass over what was found.
func javaMatches(want *regexp.Regexp, in string, most int) (all [][]int) {
	for pos := 0; pos <= len(in) && len(all) != most; {
		re := regexp.MustCompile(fmt.Sprintf(`\A((?s:.){%d,}?)(%v)`, utf8.RuneCountInString(in[:pos]), want))
		at := re.FindStringSubmatchIndex(in)
		if at == nil {
			break
		}
		all = append(all, at[4:])
		if pos = at[5]; at[4] == at[5] {
			_, width := utf8.DecodeRuneInString(in[pos:])
			pos += max(width, 1)
		}
	}
	return all
}

// The groups of long matches are found in each match alone: a search of the whole text for each would take many seconds here.
func TestGroupsOfManyLongMatches(t *testing.T) {
	const matches, long = 20, 1_000_000
	s := []byte(strings.Repeat("x"+strings.Repeat("a", long-2)+";", matches))
	r, err := Compile(`\b(x)(?:[a-z]|[d-g]|[0-9])*(;)`)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Machine()
	defer m.Release()
	if len(r.forward.Inst)*long < maxVisited {
		t.Fatal("a tracker would do")
	}
	all, begin := m.All(nil, s, -1), time.Now()
	m.Groups(nil, s, all[0], all[1])
	one := time.Since(begin)
	for i := 0; i < len(all); i += 2 {
		at, start := m.Groups(nil, s, all[i], all[i+1]), all[i]
		if want := []int{start, start + long, start, start + 1, start + long - 1, start + long}; !slices.Equal(at, want) {
			t.Fatalf("groups %v, want %v", at, want)
		}
	}
	if took := time.Since(begin); len(all) != 2*matches || took > 4*matches*one+time.Second {
		t.Errorf("%d matches in %v, one of them in %v", len(all)/2, took, one)
	}
}

// An expression whose automaton does not end is left to regexp, in the middle of its work.
func TestLargeAutomaton(t *testing.T) {
	const text = `(?:a|b)*a(?:a|b){14}c?\d|[ab]{40}`
	r, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Machine()
	defer m.Release()
	random := rand.New(rand.NewPCG(1, 2))
	want := regexp.MustCompile(text)
	for range 200 {
		in := make([]byte, random.IntN(400))
		for i := range in {
			in[i] = "aaaabbbb1c"[random.IntN(10)]
		}
		same(t, want, m, string(in))
	}
	if !m.forward.full {
		t.Error("the automaton has not become too large")
	}
	for _, text := range []string{strings.Repeat("a?", 3000), `[\pL\d]{900}[\pN]{900}`} {
		if r, err := Compile(text); err != nil || r.forward != nil {
			t.Errorf("%.20s has an automaton, or %v", text, err)
		} else {
			same(t, regexp.MustCompile(text), r.Machine(), "a1b2")
		}
	}
	if _, err := Compile("a("); err == nil {
		t.Error("a( was compiled")
	}
}

// An automaton keeps to its bytes, whatever its expression and texts.
func TestAutomatonBytes(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	in := make([]byte, 6000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range in {
		in[i] = "aaaaaaab"[random.IntN(8)]
	}
	for _, text := range []string{`(?:a|b)*a` + strings.Repeat(`(?:a|b)`, 900) + `c?\d`, `[ab]*a[ab]{300}x`} {
		r, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		before := heap()
		m := r.Machine()
		m.forward.scan(in, 0, false)
		if took := heap() - before; took > maxBytes+maxBytes/4 || !m.forward.full {
			t.Errorf("%.20s: %d bytes of %d, full %v", text, took, maxBytes, m.forward.full)
		}
		runtime.KeepAlive(m)
	}
}

// Work in an automaton that is made allocates nothing.
func TestAllocations(t *testing.T) {
	r, err := Compile("[^0-9]+|bot")
	if err != nil {
		t.Fatal(err)
	}
	m := r.Machine()
	defer m.Release()
	s, at := []byte("+12 (345) 678-9012, é"), make([]int, 0, 64)
	if n := testing.AllocsPerRun(100, func() { at = m.All(at[:0], s, -1); m.Match(s) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	agent := []byte("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36")
	for _, c := range []struct {
		text string
		in   []byte
	}{{"bot|crawler|spider", agent}, {`^[a-z0-9._]+@[a-z0-9.-]+\.[a-z]{2,}$`, []byte("maria.1234@mail.example.org")}} {
		r, err := Compile(c.text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.text, func(b *testing.B) {
			m := r.Machine()
			for b.Loop() {
				m.Match(c.in)
			}
		})
	}
}

func ExampleMachine_Find() {
	r, err := Compile(`[a-z]+@[a-z.]+`)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := r.Machine()
	defer m.Release()
	text := []byte("write to ada@example.org")
	start, end := m.Find(text)
	fmt.Println(string(text[start:end]))
	// Output: ada@example.org
}
