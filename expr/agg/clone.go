package agg

// Slots hold scratch, which tasks must not share.

func (s *countSlot) clone() slot       { c := *s; return &c }
func (s *sumSlot) clone() slot         { c := *s; return &c }
func (s *wideSlot) clone() slot        { c := *s; return &c }
func (s *floatSlot) clone() slot       { c := *s; return &c }
func (s *extremeSlot) clone() slot     { c := *s; return &c }
func (s *wideExtremeSlot) clone() slot { c := *s; return &c }
func (s *textExtremeSlot) clone() slot { c := *s; return &c }
func (s *rankedSlot) clone() slot      { c := *s; return &c }
func (s *momentSlot) clone() slot      { c := *s; return &c }
func (s *sketchSlot) clone() slot      { c := *s; return &c }
func (s *firstSlot) clone() slot       { c := *s; return &c }
func (s *byRankSlot) clone() slot      { c := *s; return &c }
func (s *quantileSlot) clone() slot    { c := *s; return &c }
func (s *multisetSlot) clone() slot    { c := *s; return &c }
func (s *listSlot) clone() slot        { c := *s; return &c }
