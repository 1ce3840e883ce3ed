// Tells when an element comes near the part of the page that is seen.

const MARGIN = '1500px 0px';

let observer: IntersectionObserver | null = null;
const waiting = new WeakMap<Element, () => void>();

/** Calls `arrived` once; returns what ends the waiting. */
export function whenNear(element: Element, arrived: () => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer?.unobserve(target);
        waiting.get(target)?.();
      }
    },
    { rootMargin: MARGIN },
  );
  waiting.set(element, arrived);
  observer.observe(element);
  return () => observer?.unobserve(element);
}
