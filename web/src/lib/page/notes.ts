// From a footnote's mark to its note and back, within one answer. Found by what they carry, not by ids: the same label
// stands in many answers.

export function showNote(event: MouseEvent): void {
  const mark = event.currentTarget as HTMLElement;
  show(mark, 'note', mark.dataset.mark);
}

export function showMark(event: MouseEvent): void {
  const button = event.currentTarget as HTMLElement;
  show(button, 'mark', button.closest<HTMLElement>('[data-note]')?.dataset.note);
}

function show(from: HTMLElement, what: 'note' | 'mark', label: string | undefined): void {
  const answer = from.closest('.markdown');
  const found = Array.from(answer?.querySelectorAll<HTMLElement>(`[data-${what}]`) ?? []).find(
    ({ dataset }) => dataset[what] === label,
  );
  found?.focus({ preventScroll: true });
  found?.scrollIntoView({ block: 'center', behavior: 'instant' });
}
