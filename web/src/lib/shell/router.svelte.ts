// The page's address: what is shown, kept in the browser's history.

export type Route =
  | { readonly page: 'chat'; readonly id: string | null; readonly message: string | null }
  | { readonly page: 'project'; readonly id: string }
  | { readonly page: 'share'; readonly token: string }
  | { readonly page: 'admin'; readonly section: string };

export function routeOf(path: string, hash: string): Route {
  const [first = '', second = ''] = path.split('/').filter(Boolean).map(decoded);
  if (first === 'c' && second !== '') return { page: 'chat', id: second, message: hash.slice(1) || null };
  if (first === 'project' && second !== '') return { page: 'project', id: second };
  if (first === 'share' && second !== '') return { page: 'share', token: second };
  if (first === 'admin') return { page: 'admin', section: second };
  return { page: 'chat', id: null, message: null };
}

export function pathOf(route: Route): string {
  switch (route.page) {
    case 'chat':
      if (route.id === null) return '/';
      return `/c/${encodeURIComponent(route.id)}${route.message === null ? '' : `#${route.message}`}`;
    case 'project':
      return `/project/${encodeURIComponent(route.id)}`;
    case 'share':
      return `/share/${encodeURIComponent(route.token)}`;
    case 'admin':
      return route.section === '' ? '/admin' : `/admin/${encodeURIComponent(route.section)}`;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export class Router {
  route = $state.raw<Route>(routeOf(location.pathname, location.hash));

  /** Follows the browser's own steps; returns what ends that. */
  start(): () => void {
    const follow = (): void => {
      this.route = routeOf(location.pathname, location.hash);
    };
    window.addEventListener('popstate', follow);
    return () => window.removeEventListener('popstate', follow);
  }

  go(route: Route): void {
    if (pathOf(route) !== pathOf(this.route)) history.pushState(null, '', pathOf(route));
    this.route = route;
  }

  /** The same place under another name. */
  rename(route: Route): void {
    history.replaceState(null, '', pathOf(route));
    this.route = route;
  }
}
