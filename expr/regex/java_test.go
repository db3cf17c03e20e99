package regex

import (
	"fmt"
	"strings"
	"testing"
)

// What Java 21 says of expressions and texts: the texts that match as a whole, and those that do not.
func TestJava(t *testing.T) {
	for _, c := range []struct {
		text    string
		yes, no []string
	}{
		{"a.c", []string{"abc", "a日c"}, []string{"a\nc", "a\rc", "a\u0085c", "a\u2028c", "a\u2029c"}},
		{"(?s)a.c", []string{"a\nc", "a\u2028c"}, nil},
		{"(?d)a.c", []string{"a\rc"}, []string{"a\nc"}},
		{"(?i)sK", []string{"sk", "SK", "Sk"}, []string{"ſk", "s\u212a"}},
		{"(?iu)sKÉ", []string{"ſ\u212aé"}, nil},
		{"(?i)[a-f]É", []string{"AÉ", "fÉ"}, []string{"gÉ", "aé"}},
		{"(?i)[^k]", []string{"\u212a"}, []string{"k", "K"}},
		{"(?i)[X-c]", []string{"x", "X", "C", "_"}, []string{"d", "D"}},
		{"a(?i)b(?-i)c|d", []string{"aBc", "abc", "d"}, []string{"Abc", "abC", "D"}},
		{"a(?i:b|c)d", []string{"aCd"}, []string{"acD"}},
		{`\s\h\v\R`, []string{"\v\u00a0\r\r\n", " \t\n\u2028"}, []string{"\u00a0 \n\n"}},
		{`[\S\H]+[^\V]`, []string{"a\n"}, []string{"aa"}},
		{`\p{Alpha}\p{Lu}\pL[\p{IsGreek}\P{Punct}]`, []string{"aÉéλ", "ZZZ1"}, []string{"éEEλ", "aaaa", "AAA."}},
		{`\p{IsAlphabetic}\P{IsAlphabetic}[\p{javaLowerCase}\P{IsLetter}]`, []string{"Ⅷ1ª", "日 1"}, []string{"11a", "aaa", "a1A"}},
		{`(?i)\p{Upper}[\p{Lu}]`, []string{"aé", "AÉ"}, []string{"1a"}},
		{`\x41\x{1F600}\u0042\uD83D\uDE00\0101\e\cA`, []string{"A😀B😀A\x1b\x01"}, nil},
		{`\Q[a.\E*`, []string{"[a", "[a.."}, []string{"a"}},
		{`[\Q^]\E-]+`, []string{"^]-"}, []string{"Q"}},
		{"[]a]+[a-][&\\]]]", []string{"]a-&]", "aa-]]"}, []string{"b"}},
		{"[[:alpha:]]+", []string{"alpha:"}, []string{"b"}},
		{"[a[bc]d]+", []string{"abcd"}, []string{"[", "]"}},
		{`a{2}b{1,}c{0,2}?`, []string{"aab", "aabbcc"}, []string{"ab"}},
		{`(?<year>\d+)}]`, []string{"2024}]"}, nil},
	} {
		re2, err := Java(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		r, err := Compile(`\A(?:` + re2 + `)\z`)
		if err != nil {
			t.Errorf("%s: %s: %v", c.text, re2, err)
			continue
		}
		m := r.Machine()
		for _, s := range c.yes {
			if !m.Match([]byte(s)) {
				t.Errorf("%s is not %q", c.text, s)
			}
		}
		for _, s := range c.no {
			if m.Match([]byte(s)) {
				t.Errorf("%s is %q", c.text, s)
			}
		}
	}
}

// What RE2 has nothing for is refused by its name; what is no expression of Java is refused too.
func TestJavaRefused(t *testing.T) {
	for text, says := range map[string]string{
		"[a-z&&[^aeiou]]": "intersection of classes", "[^a[bc]]": "class", "[a[^bc]]": "class", "a*+": "possessive quantifiers (*+)", "a{2}+": "possessive quantifiers ({2}+)",
		"(?x)a b": "comments (?x)", "x{1001}": "more than 1000 times", "(?U)a": "Unicode classes", "(?=a)": "look-ahead", "(?<!a)": "look-behind",
		"(?>a)": "atomic groups", `(a)\1`: `back references (\1)`, `(?<n>a)\k<n>`: `back references (\k)`, `\p{InGreek}`: `property \p{InGreek}`, `\p{javaMirrored}`: "property",
		`\p{Greek}`: "property", `a\Z`: `\Z`, `\Ga`: `\G`, `\X`: `\X`, `\N{DIGIT ONE}`: "names of characters", `\b{g}`: "clusters", `(?i)\P{Lu}`: `\P{Lu}`,
		"a{,3}": "repetition", "a{": "repetition", `\y`: `\y`, `a\`: "end", "[a": "not closed", "(a": "not closed", "a)": "closes nothing", "[a-\\d]": "range", "[b-a]": "range",
		"(?P<n>a)": "flag", "(?<n_1>a)": "name", `\x{110000}`: "number", `\xg1`: "number", `\uD83D`: "surrogate", "\xff": "UTF-8", "[\xff]": "UTF-8", `\x{`: "number",
		`\p{L`: "not closed", `\x1`: "number", `\p`: "property", `\u12`: "number", "(?": "not closed", "(?<": "name", `\Q` + "\xff": "UTF-8", "[^": "not closed", `[\`: "end",
	} {
		re2, err := Java(text)
		if err == nil {
			t.Errorf("%s became %s", text, re2)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %s", text, err, says)
		}
	}
}

// Whatever is written, the translation ends, and a plain expression is itself.
func FuzzJava(f *testing.F) {
	for _, s := range []string{"abc", `\p{L}[a-z&&b]`, `\Q\E\x{41}\u0041\07[\x4]`, "(?i-s:a{2,3}+)", `[\Qa`, `\0`, `\c`, `\u`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		re2, err := Java(s)
		if err == nil && !strings.ContainsAny(s, `\[](){}*+?.^$|`) && re2 != s {
			t.Errorf("%q became %q", s, re2)
		}
	})
}

func ExampleJava() {
	re2, err := Java(`(?i:id)\s\p{Digit}+`)
	fmt.Println(re2, err)
	_, err = Java(`[a-z&&[^aeiou]]`)
	fmt.Println(err)
	// Output:
	// (?:[Ii][Dd])[\t-\r ][[:digit:]]+ <nil>
	// RE2, which takes linear time for every expression, has no intersection of classes (&&)
}
