// Draws one Mermaid diagram. This document is sandboxed: an origin of its own, no network, no cookies, no storage; it
// knows nothing but the message that its parent sends, and answers with its height or with the error.
(function () {
  var mermaid = globalThis.mermaid;
  var turn = 0;

  function answer(body) {
    parent.postMessage(body, '*'); // a size or an error: nothing that anybody must not read
  }

  addEventListener('message', function (event) {
    if (event.source !== parent || typeof event.data !== 'object' || event.data === null) return;
    var source = String(event.data.source);
    var dark = event.data.dark === true;
    var mine = ++turn;
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: 'strict',
      theme: dark ? 'dark' : 'neutral',
      fontFamily: 'system-ui, sans-serif',
      maxTextSize: 50000,
      maxEdges: 1000,
      htmlLabels: false,
      flowchart: { htmlLabels: false },
    });
    mermaid.render('d' + mine, source).then(
      function (drawn) {
        if (mine !== turn) return;
        var parsed = new DOMParser().parseFromString(drawn.svg, 'text/html');
        document.body.replaceChildren.apply(document.body, Array.from(parsed.body.childNodes));
        var svg = document.body.querySelector('svg');
        var box = svg.viewBox.baseVal;
        var width = Math.min(box.width, document.documentElement.clientWidth);
        answer({ height: Math.ceil((box.height * width) / Math.max(box.width, 1)) });
      },
      function (error) {
        if (mine === turn) answer({ error: String((error && error.message) || error).slice(0, 500) });
      },
    );
  });
  answer({ ready: true });
})();
