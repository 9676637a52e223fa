//! Nothing breaks inside a word or hangs over the edge, however narrow the screen and long the names (WCAG 2.2, 1.4.10).

use serde_json::json;

use crate::driver::Browser;

/// A phone's width, and the one at which a page of 1280 is seen when it is enlarged four times.
const WIDTHS: [u32; 2] = [390, 320];

/// What is wrong with how the page lies: what is wider than its place, and which words stand on two lines although there
/// is a line that holds them. With `true`, names and amounts are first made as long as they come.
const FAULTS: &str = r"
const long = arguments[0];
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  if (!node.parentElement.closest('script,style,option,thead,legend') && node.data.trim()) texts.push(node);
}
const before = texts.map((node) => node.data);
if (long) for (const node of texts) {
  node.data = node.data
    .replace(/Librairie Dupont|Le Petit Prince|\b(alice|Daily|Blue)\b/g, 'Donaudampfschifffahrtsgesellschaft')
    .replace(/\d+([.,])\d\d(?=[\s\u00a0]|$)/g, '1234567890$100');
}
const faults = [];
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) faults.push(`the page is ${page.scrollWidth} wide`);
const room = (element) => {
  const block = element.closest('.choice span,.bubble,.said,section,form,footer,header,.card,.phone,.pane,main,body');
  const style = getComputedStyle(block);
  return block.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
};
const alone = (element, word) => {
  const span = document.createElement('span');
  span.style.cssText = 'position:absolute;white-space:nowrap;visibility:hidden';
  span.textContent = word;
  element.append(span);
  const { width } = span.getBoundingClientRect();
  span.remove();
  return width;
};
for (const node of texts) {
  const element = node.parentElement;
  if (!element.checkVisibility({ visibilityProperty: true })) continue;
  for (const { 0: word, index } of node.data.matchAll(/\S*:\/\/\S*|[^ \t\n\u00b7\/-]+/g)) {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const lines = [...range.getClientRects()].filter(({ width }) => width > 0);
    if (lines.length > 1 && alone(element, word) <= room(element)) {
      faults.push(`${word} is broken in <${element.localName} class='${element.className}'>`);
    }
    if (lines.some(({ right, left }) => right > innerWidth + 0.5 || left < -0.5)) {
      faults.push(`${word} hangs over the edge`);
    }
  }
}
for (const element of document.body.querySelectorAll('*')) {
  if (element.matches('input,select,textarea,legend,thead,thead *') || element.scrollWidth <= element.clientWidth + 1) continue;
  if (getComputedStyle(element).overflowX !== 'visible') {
    faults.push(`<${element.localName} class='${element.className}'> hides what is in it`);
  }
}
texts.forEach((node, at) => { node.data = before[at]; });
return faults;
";

impl Browser {
    /// On narrow screens all lies as it should, with these names and with the longest.
    pub(crate) async fn must_fit(&self, name: &str) {
        for width in WIDTHS {
            self.client.set_window_size(width, 800).await.unwrap();
            assert_eq!(self.run("return innerWidth", vec![]).await, width, "{name}");
            for long in [false, true] {
                let faults = self.run(FAULTS, vec![json!(long)]).await;
                let none = faults.as_array().is_some_and(Vec::is_empty);
                if !none {
                    self.picture(&format!("fault-{width}-{}", name.replace([' ', ','], "-"))).await;
                }
                assert!(none, "{name} at {width}, long names {long}: {faults:#}");
            }
        }
        self.client.set_window_size(WIDTHS[0], 800).await.unwrap();
    }
}
