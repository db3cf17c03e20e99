package sparkoptions_test

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/formats/sparkoptions"
)

func TestEachNamesWhatIsWrong(t *testing.T) {
	f := &sparkoptions.Format{Name: "toml", Settable: []string{"header", "timeZone"}, Fixed: map[string]sparkoptions.Fixed{"encoding": {Value: "utf-8", Why: "text is UTF-8"}}}
	for _, c := range []struct {
		named map[string]string
		want  string
	}{
		{map[string]string{"HEADER": "TRUE", "timezone": "UTC", "Encoding": "UTF-8"}, "header=true <nil>"},
		{map[string]string{"headder": "true"}, "header=false toml: unknown option headder: did you mean header?"},
		{map[string]string{"colour": "red"}, "header=false toml: unknown option colour; known are header, timeZone"},
		{map[string]string{"header": "maybe"}, `header=false toml: option header is true or false, not "maybe"`},
		{map[string]string{"encoding": "latin1"}, `header=false toml: option encoding is always "utf-8" here (text is UTF-8); leave it out`},
		{map[string]string{"timeZone": "Mars"}, `header=false toml: option timeZone: there is no time zone "Mars"`},
	} {
		var times sparkoptions.Times
		header := false
		err := f.Each(c.named, func(key, name, value string) (known bool, err error) {
			if key == "header" {
				header, err = f.Truth(name, value)
				return true, err
			}
			return times.Set(f, key, name, value)
		})
		if got := fmt.Sprintf("header=%t %v", header, err); got != c.want {
			t.Errorf("%v: got %s, want %s", c.named, got, c.want)
		}
	}
}
