"use strict";(self.rspackChunkip_workbench=self.rspackChunkip_workbench||[]).push([[266],{475(o,i,r){var e=r(601),a=r.n(e),t=r(314),p=(r.n(t))()(a());p.push([o.id,`/* Colours of the verdicts are those of the triage page; everything else is the theme's. */

:root {
  --ipw-malicious: #a40e26;
  --ipw-suspicious: #c4501b;
  --ipw-anonymised: #6639ba;
  --ipw-watch: #f2c744;
  --ipw-clean: #2f81c1;
}

/* ---- the panel ---- */

.ipw-panel {
  display: flex;
  flex-direction: column;
  gap: 8px;
  padding: 10px 12px;
  overflow-y: auto;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1);
}

.ipw-title {
  margin: 0;
  font-size: var(--jp-ui-font-size2);
  font-weight: 600;
}

.ipw-dated {
  margin-top: -6px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.ipw-dated .ipw-mod-old {
  color: var(--jp-warn-color0);
}

.ipw-input,
.ipw-search {
  box-sizing: border-box;
  width: 100%;
  padding: 6px 8px;
  border: 1px solid var(--jp-border-color1);
  border-radius: 4px;
  color: var(--jp-ui-font-color0);
  background: var(--jp-layout-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  line-height: 1.4;
}

.ipw-input {
  flex: none;
  resize: vertical;
}

.ipw-input:focus,
.ipw-search:focus {
  border-color: var(--jp-brand-color1);
  outline: 1px solid var(--jp-brand-color1);
}

.ipw-actions {
  display: flex;
  gap: 6px;
}

.ipw-button {
  padding: 4px 12px;
  border: 1px solid var(--jp-border-color1);
  border-radius: 4px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font: inherit;
  cursor: pointer;
}

.ipw-button:hover {
  background: var(--jp-layout-color2);
}

.ipw-button:focus-visible,
.ipw-filter:focus-visible,
.ipw-card > summary:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: 1px;
}

.ipw-button.ipw-mod-main {
  border-color: var(--jp-brand-color1);
  color: #fff;
  background: var(--jp-brand-color0, var(--jp-brand-color1));
}

.ipw-panel.ipw-mod-busy .ipw-mod-main {
  opacity: 0.6;
}

.ipw-said:empty,
.ipw-summary:empty {
  display: none;
}

.ipw-said {
  color: var(--jp-ui-font-color2);
}

.ipw-mod-error {
  color: var(--jp-error-color0, #b00);
}

.ipw-summary {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
}

.ipw-filter {
  display: inline-flex;
  align-items: center;
  gap: 5px;
  padding: 2px 7px 2px 3px;
  border: 1px solid var(--jp-border-color2);
  border-radius: 4px;
  color: var(--jp-ui-font-color1);
  background: none;
  font: inherit;
  font-size: var(--jp-ui-font-size0);
  font-variant-numeric: tabular-nums;
  cursor: pointer;
}

.ipw-filter:hover,
.ipw-filter[aria-pressed='true'] {
  border-color: var(--jp-brand-color1);
  background: var(--jp-layout-color2);
}

/* ---- verdicts ---- */

.ipw-verdict {
  display: inline-flex;
  align-items: center;
  gap: 4px;
  padding: 0 6px;
  border-radius: 3px;
  font-size: 11px;
  font-weight: 600;
  line-height: 18px;
  white-space: nowrap;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color3);
}

.ipw-verdict.ipw-mod-malicious {
  color: #fff;
  background: var(--ipw-malicious);
}

.ipw-verdict.ipw-mod-suspicious {
  color: #fff;
  background: var(--ipw-suspicious);
}

.ipw-verdict.ipw-mod-anonymised {
  color: #fff;
  background: var(--ipw-anonymised);
}

.ipw-verdict.ipw-mod-watch {
  color: #1b1f24;
  background: var(--ipw-watch);
}

.ipw-verdict.ipw-mod-clean {
  color: #0b3d66;
  background: #d5e8f7;
}

/* ---- cards ---- */

.ipw-list {
  display: flex;
  flex-direction: column;
  gap: 6px;
}

.ipw-card {
  border: 1px solid var(--jp-border-color2);
  border-left: 4px solid var(--jp-border-color1);
  border-radius: 4px;
  background: var(--jp-layout-color0);
}

.ipw-card.ipw-mod-malicious {
  border-left-color: var(--ipw-malicious);
}

.ipw-card.ipw-mod-suspicious {
  border-left-color: var(--ipw-suspicious);
}

.ipw-card.ipw-mod-anonymised {
  border-left-color: var(--ipw-anonymised);
}

.ipw-card.ipw-mod-watch {
  border-left-color: var(--ipw-watch);
}

.ipw-card.ipw-mod-clean {
  border-left-color: var(--ipw-clean);
}

.ipw-card > summary {
  padding: 6px 8px;
  list-style: none;
  cursor: pointer;
}

.ipw-card > summary::-webkit-details-marker {
  display: none;
}

.ipw-card > summary:hover {
  background: var(--jp-layout-color1);
}

.ipw-headline {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 4px 8px;
}

.ipw-address {
  color: var(--jp-ui-font-color0);
  background: none;
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  font-weight: 600;
  overflow-wrap: anywhere;
}

.ipw-about {
  display: block;
  margin-top: 3px;
  overflow: hidden;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  text-overflow: ellipsis;
  white-space: nowrap;
}

.ipw-card[open] .ipw-about {
  display: none;
}

.ipw-card-body {
  padding: 0 8px 8px;
}

.ipw-details {
  display: flex;
  flex-direction: column;
  gap: 8px;
  overflow-wrap: anywhere;
}

.ipw-standing {
  display: flex;
  flex-direction: column;
  gap: 4px;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
  font-variant-numeric: tabular-nums;
}

.ipw-bar {
  height: 5px;
  overflow: hidden;
  border-radius: 3px;
  background: var(--jp-layout-color3);
}

.ipw-bar-filled {
  display: block;
  height: 100%;
  background: var(--ipw-clean);
}

.ipw-bar-filled.ipw-mod-malicious {
  background: var(--ipw-malicious);
}

.ipw-bar-filled.ipw-mod-suspicious {
  background: var(--ipw-suspicious);
}

.ipw-bar-filled.ipw-mod-anonymised {
  background: var(--ipw-anonymised);
}

.ipw-bar-filled.ipw-mod-watch {
  background: var(--ipw-watch);
}

.ipw-reasons {
  margin: 0;
}

ul.ipw-reasons {
  padding-left: 16px;
}

.ipw-facts {
  display: grid;
  grid-template-columns: max-content 1fr;
  gap: 2px 10px;
  margin: 0;
}

.ipw-facts dt {
  color: var(--jp-ui-font-color2);
}

.ipw-facts dd {
  margin: 0;
}

.ipw-evidence h4 {
  margin: 0 0 3px;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  font-weight: 600;
}

.ipw-evidence ul {
  display: flex;
  flex-direction: column;
  gap: 6px;
  margin: 0;
  padding: 0;
  list-style: none;
}

.ipw-evidence li {
  padding-left: 8px;
  border-left: 2px solid var(--jp-border-color2);
}

.ipw-entry {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  gap: 2px 8px;
}

.ipw-entry strong {
  font-weight: 600;
}

.ipw-entry code {
  color: var(--jp-ui-font-color1);
  background: none;
  font-size: var(--jp-ui-font-size0);
}

.ipw-source,
.ipw-note,
.ipw-origin,
.ipw-more {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

/* ---- beside the mouse ---- */

.ipw-hover {
  position: fixed;
  z-index: 10000;
  box-sizing: border-box;
  display: flex;
  flex-direction: column;
  gap: 8px;
  width: 340px;
  max-height: 60vh;
  padding: 10px 12px;
  overflow-y: auto;
  border: 1px solid var(--jp-border-color1);
  border-radius: 6px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  box-shadow: var(--jp-elevation-z12);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
}

.ipw-hover p {
  margin: 0;
}

/* Painted over the text, without touching it; the form of the line tells them apart without colour. */

::highlight(ipw-malicious) {
  text-decoration: underline double 1px #d1242f;
  background-color: #d1242f2e;
}

::highlight(ipw-suspicious) {
  text-decoration: underline solid 2px #d9691f;
}

::highlight(ipw-anonymised) {
  text-decoration: underline wavy 1px #8250df;
}

::highlight(ipw-watch) {
  text-decoration: underline dashed 2px #c99a06;
}

::highlight(ipw-clean) {
  text-decoration: underline dotted 1px #2f81c1;
}

::highlight(ipw-unroutable) {
  text-decoration: underline dotted 1px #8888;
}

/* ---- TLP: the colours FIRST gives the labels, on black, in either theme ---- */

.ipw-tlp {
  display: inline-block;
  padding: 0 6px;
  border-radius: 3px;
  background: #000;
  font-family: var(--jp-ui-font-family);
  font-size: 11px;
  font-weight: 700;
  line-height: 18px;
  white-space: nowrap;
}

.ipw-tlp.ipw-mod-clear {
  color: #fff;
}

.ipw-tlp.ipw-mod-green {
  color: #33ff00;
}

.ipw-tlp.ipw-mod-amber,
.ipw-tlp.ipw-mod-amber-strict {
  color: #ffc000;
}

.ipw-tlp.ipw-mod-red {
  color: #ff2b2b;
}

.ipw-banner {
  display: flex;
  align-items: center;
  gap: 8px;
  min-height: 26px;
  padding: 2px 10px;
  border-bottom: 1px solid var(--jp-border-color2);
  border-left: 4px solid #8888;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color2);
  font-size: var(--jp-ui-font-size1);
}

.ipw-banner.lm-mod-hidden {
  display: none;
}

.ipw-banner.ipw-mod-green {
  border-left-color: #2fbf0c;
}

.ipw-banner.ipw-mod-amber,
.ipw-banner.ipw-mod-amber-strict {
  border-left-color: #ffc000;
}

.ipw-banner.ipw-mod-red {
  border-left-color: #ff2b2b;
}

.ipw-picker {
  display: flex;
  align-items: center;
}

.ipw-select {
  height: 22px;
  border: 1px solid var(--jp-border-color2);
  border-radius: 3px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1);
}

/* ---- STIX ---- */

.ipw-stix {
  overflow: auto;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1);
}

.jp-MimeDocument .ipw-stix {
  background: var(--jp-layout-color0);
}

.ipw-stix .ipw-mod-error {
  padding: 10px;
}

.ipw-stix-head {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  padding: 8px 10px;
}

.ipw-stix-head .ipw-filter {
  padding-left: 7px;
}

.ipw-stix-head .ipw-search {
  width: 180px;
  margin-left: auto;
  padding: 3px 8px;
}

.ipw-stix-scroll {
  max-height: 480px;
  overflow: auto;
}

.jp-MimeDocument .ipw-stix-scroll {
  max-height: none;
}

.ipw-stix table {
  width: 100%;
  margin: 0;
  border-collapse: collapse;
  table-layout: auto;
}

.ipw-stix th {
  position: sticky;
  top: 0;
  padding: 5px 10px;
  border-bottom: 1px solid var(--jp-border-color1);
  color: var(--jp-ui-font-color2);
  background: var(--jp-layout-color1);
  font-weight: 600;
  text-align: left;
  white-space: nowrap;
}

.ipw-stix td {
  padding: 5px 10px;
  border-bottom: 1px solid var(--jp-border-color3);
  text-align: left;
  vertical-align: top;
}

.ipw-stix tbody tr:hover {
  background: var(--jp-layout-color2);
}

.ipw-stix .ipw-type,
.ipw-stix .ipw-date {
  color: var(--jp-ui-font-color2);
  white-space: nowrap;
}

.ipw-stix .ipw-name {
  min-width: 120px;
  overflow-wrap: anywhere;
}

.ipw-stix .ipw-says {
  overflow-wrap: anywhere;
}

.ipw-stix .ipw-says code {
  background: none;
  color: inherit;
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
}

.ipw-stix > .ipw-actions {
  padding: 8px 10px;
}

.ipw-stix > .ipw-actions:empty {
  display: none;
}
`,""]),r.d(i,{},{A:p})},646(o,i,r){var e=r(601),a=r.n(e),t=r(314),p=r.n(t),n=r(475),l=p()(a());l.i(n.A),l.push([o.id,`
`,""]),r.d(i,{},{A:l})},314(o){o.exports=function(o){var i=[];return i.toString=function(){return this.map(function(i){var r="",e=void 0!==i[5];return i[4]&&(r+="@supports (".concat(i[4],") {")),i[2]&&(r+="@media ".concat(i[2]," {")),e&&(r+="@layer".concat(i[5].length>0?" ".concat(i[5]):""," {")),r+=o(i),e&&(r+="}"),i[2]&&(r+="}"),i[4]&&(r+="}"),r}).join("")},i.i=function(o,r,e,a,t){"string"==typeof o&&(o=[[null,o,void 0]]);var p={};if(e)for(var n=0;n<this.length;n++){var l=this[n][0];null!=l&&(p[l]=!0)}for(var d=0;d<o.length;d++){var c=[].concat(o[d]);e&&p[c[0]]||(void 0!==t&&(void 0===c[5]||(c[1]="@layer".concat(c[5].length>0?" ".concat(c[5]):""," {").concat(c[1],"}")),c[5]=t),r&&(c[2]&&(c[1]="@media ".concat(c[2]," {").concat(c[1],"}")),c[2]=r),a&&(c[4]?(c[1]="@supports (".concat(c[4],") {").concat(c[1],"}"),c[4]=a):c[4]="".concat(a)),i.push(c))}},i}},601(o){o.exports=function(o){return o[1]}},665(o,i,r){r.r(i);var e=r(72),a=r.n(e),t=r(825),p=r.n(t),n=r(659),l=r.n(n),d=r(56),c=r.n(d),s=r(540),u=r.n(s),f=r(113),w=r.n(f),v=r(646),x={};x.styleTagTransform=w(),x.setAttributes=c(),x.insert=l().bind(null,"head"),x.domAPI=p(),x.insertStyleElement=u(),a()(v.A,x);let m=v.A&&v.A.locals?v.A.locals:void 0;r.d(i,{},{default:m})},72(o){var i=[];function r(o){for(var r=-1,e=0;e<i.length;e++)if(i[e].identifier===o){r=e;break}return r}function e(o,e){for(var a={},t=[],p=0;p<o.length;p++){var n=o[p],l=e.base?n[0]+e.base:n[0],d=a[l]||0,c="".concat(l," ").concat(d);a[l]=d+1;var s=r(c),u={css:n[1],media:n[2],sourceMap:n[3],supports:n[4],layer:n[5]};if(-1!==s)i[s].references++,i[s].updater(u);else{var f=function(o,i){var r=i.domAPI(i);return r.update(o),function(i){i?(i.css!==o.css||i.media!==o.media||i.sourceMap!==o.sourceMap||i.supports!==o.supports||i.layer!==o.layer)&&r.update(o=i):r.remove()}}(u,e);e.byIndex=p,i.splice(p,0,{identifier:c,updater:f,references:1})}t.push(c)}return t}o.exports=function(o,a){var t=e(o=o||[],a=a||{});return function(o){o=o||[];for(var p=0;p<t.length;p++){var n=r(t[p]);i[n].references--}for(var l=e(o,a),d=0;d<t.length;d++){var c=r(t[d]);0===i[c].references&&(i[c].updater(),i.splice(c,1))}t=l}}},659(o){var i={};o.exports=function(o,r){var e=function(o){if(void 0===i[o]){var r=document.querySelector(o);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(o){r=null}i[o]=r}return i[o]}(o);if(!e)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");e.appendChild(r)}},540(o){o.exports=function(o){var i=document.createElement("style");return o.setAttributes(i,o.attributes),o.insert(i,o.options),i}},56(o,i,r){o.exports=function(o){var i=r.nc;i&&o.setAttribute("nonce",i)}},825(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var i=o.insertStyleElement(o);return{update:function(r){var e,a,t;e="",r.supports&&(e+="@supports (".concat(r.supports,") {")),r.media&&(e+="@media ".concat(r.media," {")),(a=void 0!==r.layer)&&(e+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),e+=r.css,a&&(e+="}"),r.media&&(e+="}"),r.supports&&(e+="}"),(t=r.sourceMap)&&"u">typeof btoa&&(e+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(t))))," */")),o.styleTagTransform(e,i,o.options)},remove:function(){var o;null===(o=i).parentNode||o.parentNode.removeChild(o)}}}},113(o){o.exports=function(o,i){if(i.styleSheet)i.styleSheet.cssText=o;else{for(;i.firstChild;)i.removeChild(i.firstChild);i.appendChild(document.createTextNode(o))}}}}]);