package kafka

import "strings"

// setJAAS reads user and password out of a line of Java's login configuration:
//
//	org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";
//
// or, of OAUTHBEARER, clientId, clientSecret and scope. No error repeats any of it.
func setJAAS(c *config, name, value string) error {
	module, rest, _ := strings.Cut(value, " ")
	module = module[strings.LastIndexByte(module, '.')+1:]
	names := map[string]*string{"username": &c.security.user, "password": &c.security.password}
	least := []string{"username", "password"}
	switch module {
	case "PlainLoginModule", "ScramLoginModule":
	case "OAuthBearerLoginModule":
		b := &c.security.bearer
		names = map[string]*string{"clientId": &b.id, "clientSecret": &b.secret, "scope": &b.scope}
		least = []string{"clientId", "clientSecret"}
	default:
		return invalid(name, "expected a PlainLoginModule, a ScramLoginModule or an OAuthBearerLoginModule")
	}
	words, ok := jaasWords(rest)
	if !ok || len(words) == 0 || !strings.EqualFold(words[0].key, "required") || words[0].value != "" {
		return invalid(name, `expected ...LoginModule required %s="..." %s="...";`, least[0], least[1])
	}
	for _, w := range words[1:] {
		to := names[w.key]
		if to == nil {
			return invalid(name, "only %s may be set in it", strings.Join(sortedKeys(names), ", "))
		}
		*to = w.value
	}
	for _, n := range least {
		if *names[n] == "" {
			return invalid(name, "%s must be set in it", strings.Join(least, " and "))
		}
	}
	c.security.jaas = true
	return nil
}

type jaasWord struct{ key, value string }

// jaasWords splits `flag key="value" key='value';`. It reports false for
// anything else.
func jaasWords(s string) (words []jaasWord, ok bool) {
	s = strings.TrimSpace(s)
	s, ok = strings.CutSuffix(s, ";")
	if !ok {
		return nil, false
	}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexAny(s, "= \t\n")
		if end < 0 {
			return append(words, jaasWord{key: s}), true
		}
		w := jaasWord{key: s[:end]}
		s = strings.TrimSpace(s[end:])
		if strings.HasPrefix(s, "=") {
			if w.value, s, ok = jaasValue(strings.TrimSpace(s[1:])); !ok {
				return nil, false
			}
		}
		words = append(words, w)
	}
	return words, true
}

// jaasValue takes a value off the front of s: quoted, with \ before a quote or
// a backslash that belongs to it, or bare up to the next space.
func jaasValue(s string) (value, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	quote := s[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(s, " \t\n")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], true
	}
	var v strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			v.WriteByte(s[i])
		case s[i] == quote:
			return v.String(), s[i+1:], true
		default:
			v.WriteByte(s[i])
		}
	}
	return "", "", false
}
