// Draws /openapi.json. No library: what is shown is a table of routes, and of each its parameters, answers and a command to try it.

const TEXTS = {
  en: {
    skip: 'Skip to the routes', title: 'Dure API', filter: 'Filter', loading: 'Loading …', failed: 'The description could not be loaded.',
    parameters: 'Parameters', body: 'Body', answers: 'Answers', try: 'Try it', copy: 'Copy', copied: 'Copied', name: 'Name', type: 'Type',
    about: 'Meaning', where: 'in the', events: 'a stream of events, each', schemas: 'Objects', status: 'Status', nothing: 'Nothing fits.',
  },
  ko: {
    skip: '경로로 건너뛰기', title: 'Dure API', filter: '찾기', loading: '불러오는 중 …', failed: '설명을 불러오지 못했습니다.',
    parameters: '매개변수', body: '본문', answers: '응답', try: '실행해 보기', copy: '복사', copied: '복사됨', name: '이름', type: '형식',
    about: '뜻', where: '위치:', events: '이벤트 스트림, 각각', schemas: '객체', status: '상태', nothing: '맞는 것이 없습니다.',
  },
};
const language = navigator.languages.find((tag) => TEXTS[tag.slice(0, 2)])?.slice(0, 2) ?? 'en';
const text = TEXTS[language];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** `code` and blank lines of a description; nothing else of Markdown is used. */
function prose(words) {
  return (words ?? '').split('\n\n').filter(Boolean).map((paragraph) => {
    const parts = paragraph.split('`').map((part, i) => (i % 2 ? element('code', {}, part) : part));
    return element('p', {}, ...parts);
  });
}

const nameOf = (ref) => ref.split('/').at(-1);

/** A schema in a few words, with links to those that have a name. */
function typeOf(schema) {
  if (!schema) return [''];
  if (schema.$ref) return [element('a', { href: `#schema-${nameOf(schema.$ref)}` }, nameOf(schema.$ref))];
  if (schema.const !== undefined) return [element('code', {}, JSON.stringify(schema.const))];
  if (schema.enum) return schema.enum.flatMap((value, i) => [i ? ' | ' : '', element('code', {}, JSON.stringify(value))]);
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several) return several.flatMap((one, i) => [i ? (schema.allOf ? ' & ' : ' | ') : '', ...typeOf(one)]);
  if (schema.items) return ['[', ...typeOf(schema.items), ']'];
  return [[schema.type ?? 'any'].flat().join(' | ')];
}

function bounds(schema) {
  const words = [];
  if (schema.minimum !== undefined) words.push(`≥ ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) words.push(`> ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined) words.push(`≤ ${schema.maximum}`);
  if (schema.default !== undefined) words.push(`= ${JSON.stringify(schema.default)}`);
  return words.join(', ');
}

function table(rows) {
  const head = element('tr', {}, ...[text.name, text.type, text.about].map((word) => element('th', { scope: 'col' }, word)));
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows));
}

function row(name, required, schema, about) {
  const label = element('code', required ? { class: 'required' } : {}, name);
  const words = [schema?.description ?? about ?? '', bounds(schema ?? {})].filter(Boolean).join(' ');
  return element('tr', {}, element('td', {}, label), element('td', {}, ...typeOf(schema)), element('td', {}, words));
}

function properties(schema) {
  const names = Object.entries(schema?.properties ?? {});
  if (names.length === 0) return null;
  return table(names.map(([name, property]) => row(name, schema.required?.includes(name), property)));
}

function shape(schema) {
  return element('div', {}, element('p', {}, ...typeOf(schema)), properties(schema));
}

/** A command for a terminal. The key is left to be filled in where the route asks for one. */
function command(method, path, operation) {
  const lines = [`curl ${location.origin}${path}`];
  if (method !== 'get') lines[0] += ` -X ${method.toUpperCase()}`;
  if (!Array.isArray(operation.security)) lines.push(`-H "Authorization: Bearer $DURE_KEY"`);
  const content = operation.requestBody?.content['application/json'];
  if (content) {
    lines.push(`-H 'Content-Type: application/json'`);
    lines.push(`-d '${JSON.stringify(content.example ?? {}).replaceAll(`'`, `'\\''`)}'`);
  }
  return lines.join(' \\\n  ');
}

function copyable(words) {
  const button = element('button', { type: 'button', class: 'copy' }, text.copy);
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(words);
    button.textContent = text.copied;
  });
  return element('div', {}, button, element('pre', {}, words));
}

function answers(operation) {
  const list = Object.entries(operation.responses).filter(([, answer]) => !answer.$ref);
  return list.flatMap(([status, answer]) => {
    const kinds = Object.entries(answer.content ?? {}).flatMap(([type, body]) => {
      const schema = body['x-event-schema'] ?? body.schema;
      return [element('p', {}, element('code', {}, type), ' ', ...(body['x-event-schema'] ? [`(${text.events}) `] : []), ...typeOf(schema)),
        properties(schema)];
    });
    return [element('p', {}, element('strong', {}, status), ` ${answer.description}`), ...kinds];
  });
}

function drawRoute(path, method, operation, resolve) {
  const parts = [...prose(operation.description)];
  const parameters = (operation.parameters ?? []).map(resolve);
  if (parameters.length) {
    parts.push(element('h3', {}, text.parameters), table(parameters.map((p) => row(p.name, p.required, p.schema, `${text.where} ${p.in}`))));
  }
  const body = operation.requestBody?.content['application/json']?.schema;
  if (body) parts.push(element('h3', {}, text.body), shape(body));
  parts.push(element('h3', {}, text.answers), ...answers(operation), element('h3', {}, text.try), copyable(command(method, path, operation)));
  const summary = element('summary', {}, element('span', { class: 'method' }, method.toUpperCase()), ' ', element('code', {}, path), ' ',
    element('span', { class: 'about' }, operation.summary ?? ''));
  return element('details', { id: operation.operationId }, summary, element('div', {}, ...parts));
}

/** [tag, [[path, method, operation], ...]] in the order of the document's tags. */
function groupsOf(api) {
  const groups = new Map([...api.tags.map((tag) => tag.name), 'Not implemented'].map((name) => [name, []]));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) groups.get(operation.tags?.[0])?.push([path, method, operation]);
  }
  return [...groups].filter(([, routes]) => routes.length);
}

function draw(api) {
  const resolve = (part) => (part.$ref ? api.components[part.$ref.split('/')[2]][nameOf(part.$ref)] : part);
  const about = new Map(api.tags.map((tag) => [tag.name, tag.description]));
  const main = document.querySelector('main');
  const contents = document.querySelector('#contents');
  main.replaceChildren(...prose(api.info.description));
  document.querySelector('#version').textContent = api.info.version;
  for (const [name, routes] of groupsOf(api)) {
    main.append(element('section', {}, element('h2', {}, name), ...prose(about.get(name)),
      ...routes.map(([path, method, operation]) => drawRoute(path, method, operation, resolve))));
    if (name === 'Not implemented') continue;
    const links = routes.map(([path, method, operation]) => element('li', {},
      element('a', { href: `#${operation.operationId}` }, `${method.toUpperCase()} ${path}`)));
    contents.append(element('h2', {}, name), element('ul', {}, ...links));
  }
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) => element('details', { id: `schema-${name}` },
    element('summary', {}, element('code', {}, name)), element('div', {}, ...prose(schema.description), shape(schema))));
  main.append(element('section', {}, element('h2', {}, text.schemas), ...schemas));
}

/** What a link points to is opened, not only scrolled to. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName !== 'DETAILS') return;
  target.open = true;
  target.scrollIntoView();
}

function filter(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const details of document.querySelectorAll('main details')) {
    const summary = details.querySelector('summary').textContent.toLowerCase();
    details.hidden = !wanted.every((word) => summary.includes(word));
  }
  for (const section of document.querySelectorAll('main section')) section.hidden = !section.querySelector('details:not([hidden])');
}

async function start() {
  document.documentElement.lang = language;
  for (const marked of document.querySelectorAll('[data-text]')) marked.textContent = text[marked.dataset.text];
  try {
    const answer = await fetch('/openapi.json');
    if (!answer.ok) throw new Error(answer.statusText);
    draw(await answer.json());
  } catch {
    document.querySelector('#state').textContent = text.failed;
    return;
  }
  openTarget();
  addEventListener('hashchange', openTarget);
  document.querySelector('#filter').addEventListener('input', (event) => filter(event.target.value));
}

start();
