package nexmark

import "math"

const (
	gamma       = 0x9E3779B97F4A7C15
	streamScale = 0xA0761D6478BD642F
)

// mix is SplitMix64's finaliser.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// stream is the random stream of one id: any id's stream begins alone, so any
// event can be made without its predecessors.
type stream uint64

func newStream(seed, id uint64) stream { return stream(mix(seed + streamScale*(id+1))) }

func (s *stream) draw() uint64 {
	*s += gamma
	return mix(uint64(*s))
}

// below returns a uniform integer in [0,k) and draws once, also if k is 0.
func (s *stream) below(k uint64) uint64 { return (s.draw() >> 32) * k >> 32 }

// unit returns a uniform number in [0,1).
func (s *stream) unit() float64 { return float64(s.draw()>>11) / (1 << 53) }

// price returns cents, log-uniform in 100..100 000 000.
func (s *stream) price() int64 {
	return int64(math.Floor(math.Pow(10, 6*s.unit())*100 + 0.5))
}

// appendString appends a random text of at most limit characters: the special
// character stands at one place in thirteen; blanks are trimmed on both ends.
func (s *stream) appendString(dst []byte, limit uint64, special byte) []byte {
	start := len(dst)
	length := 3 + s.below(limit-3)
	var bits uint64
	for i := range length {
		if i%6 == 0 {
			bits = s.draw()
		}
		v := bits & 1023 * 338 >> 10
		bits >>= 10
		if v < 26 {
			dst = append(dst, special)
		} else {
			dst = append(dst, 'a'+byte(v%26))
		}
	}
	if special != ' ' {
		return dst
	}
	return trimBlanks(dst, start)
}

// trimBlanks removes blanks on both ends of dst[start:].
func trimBlanks(dst []byte, start int) []byte {
	for len(dst) > start && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	lead := start
	for lead < len(dst) && dst[lead] == ' ' {
		lead++
	}
	if lead == start {
		return dst
	}
	n := copy(dst[start:], dst[lead:])
	return dst[:start+n]
}
