"use strict";(self.rspackChunkip_workbench=self.rspackChunkip_workbench||[]).push([[266],{475(o,r,i){var e=i(601),p=i.n(e),a=i(314),t=(i.n(a))()(p());t.push([o.id,`/* Colours of the verdicts are those of the triage page; everything else is the theme's. */

:root {
  --ipw-malicious: #a40e26;
  --ipw-suspicious: #c4501b;
  --ipw-anonymised: #6639ba;
  --ipw-watch: #f2c744;
  --ipw-clean: #2f81c1;
}

/* ---- the panel ---- */

/* JupyterLab lets side panels be 250px, too narrow for the tabs; so named to outrank its rule. */

#ip-workbench-panel.ipw-panel.lm-Widget {
  min-width: 330px;
}

.ipw-panel {
  overflow-y: auto;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1);
}

.ipw-view {
  display: flex;
  flex-direction: column;
  gap: 8px;
  padding: 10px 12px;
}

.ipw-view.lm-mod-hidden {
  display: none;
}

.ipw-tabs {
  position: sticky;
  z-index: 1;
  top: 0;
  display: flex;
  flex-wrap: wrap;
  padding: 4px 6px 0;
  border-bottom: 1px solid var(--jp-border-color2);
  overflow-wrap: normal;
  background: var(--jp-layout-color1);
}

.ipw-tab {
  padding: 6px 6px;
  border: 0;
  border-bottom: 2px solid transparent;
  color: var(--jp-ui-font-color2);
  background: none;
  font: inherit;
  cursor: pointer;
}

.ipw-tab:hover {
  color: var(--jp-ui-font-color0);
}

.ipw-tab[aria-selected='true'] {
  border-bottom-color: var(--jp-brand-color1);
  color: var(--jp-ui-font-color0);
  font-weight: 600;
}

.ipw-tab:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -2px;
}

.ipw-badge {
  display: inline-block;
  min-width: 10px;
  margin-left: 4px;
  padding: 0 4px;
  border-radius: 8px;
  color: #fff;
  background: var(--ipw-malicious);
  font-size: 10px;
  font-weight: 600;
  line-height: 16px;
  text-align: center;
}

.ipw-badge:empty {
  display: none;
}

.ipw-saver {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  margin-top: 8px;
  padding-top: 8px;
  border-top: 1px solid var(--jp-border-color3);
}

.ipw-line {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 4px 8px;
}

.ipw-tag {
  padding: 0 5px;
  border: 1px solid var(--jp-border-color2);
  border-radius: 3px;
  font-size: var(--jp-ui-font-size0);
}

.ipw-notes {
  white-space: pre-wrap;
}

.ipw-alert {
  display: flex;
  flex-direction: column;
  gap: 5px;
  padding: 6px 8px;
  overflow-wrap: anywhere;
}

.ipw-alert .ipw-mod-error:empty {
  display: none;
}

.ipw-card > summary > .ipw-line {
  margin-top: 4px;
}

.ipw-alert.ipw-mod-raised {
  border-left-color: var(--ipw-malicious);
}

.ipw-alert.ipw-mod-acknowledged {
  border-left-color: var(--ipw-watch);
}

.ipw-dated {
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
`,""]),i.d(r,{},{A:t})},646(o,r,i){var e=i(601),p=i.n(e),a=i(314),t=i.n(a),n=i(475),l=t()(p());l.i(n.A),l.push([o.id,`
`,""]),i.d(r,{},{A:l})},314(o){o.exports=function(o){var r=[];return r.toString=function(){return this.map(function(r){var i="",e=void 0!==r[5];return r[4]&&(i+="@supports (".concat(r[4],") {")),r[2]&&(i+="@media ".concat(r[2]," {")),e&&(i+="@layer".concat(r[5].length>0?" ".concat(r[5]):""," {")),i+=o(r),e&&(i+="}"),r[2]&&(i+="}"),r[4]&&(i+="}"),i}).join("")},r.i=function(o,i,e,p,a){"string"==typeof o&&(o=[[null,o,void 0]]);var t={};if(e)for(var n=0;n<this.length;n++){var l=this[n][0];null!=l&&(t[l]=!0)}for(var d=0;d<o.length;d++){var c=[].concat(o[d]);e&&t[c[0]]||(void 0!==a&&(void 0===c[5]||(c[1]="@layer".concat(c[5].length>0?" ".concat(c[5]):""," {").concat(c[1],"}")),c[5]=a),i&&(c[2]&&(c[1]="@media ".concat(c[2]," {").concat(c[1],"}")),c[2]=i),p&&(c[4]?(c[1]="@supports (".concat(c[4],") {").concat(c[1],"}"),c[4]=p):c[4]="".concat(p)),r.push(c))}},r}},601(o){o.exports=function(o){return o[1]}},665(o,r,i){i.r(r);var e=i(72),p=i.n(e),a=i(825),t=i.n(a),n=i(659),l=i.n(n),d=i(56),c=i.n(d),s=i(540),u=i.n(s),w=i(113),f=i.n(w),x=i(646),b={};b.styleTagTransform=f(),b.setAttributes=c(),b.insert=l().bind(null,"head"),b.domAPI=t(),b.insertStyleElement=u(),p()(x.A,b);let v=x.A&&x.A.locals?x.A.locals:void 0;i.d(r,{},{default:v})},72(o){var r=[];function i(o){for(var i=-1,e=0;e<r.length;e++)if(r[e].identifier===o){i=e;break}return i}function e(o,e){for(var p={},a=[],t=0;t<o.length;t++){var n=o[t],l=e.base?n[0]+e.base:n[0],d=p[l]||0,c="".concat(l," ").concat(d);p[l]=d+1;var s=i(c),u={css:n[1],media:n[2],sourceMap:n[3],supports:n[4],layer:n[5]};if(-1!==s)r[s].references++,r[s].updater(u);else{var w=function(o,r){var i=r.domAPI(r);return i.update(o),function(r){r?(r.css!==o.css||r.media!==o.media||r.sourceMap!==o.sourceMap||r.supports!==o.supports||r.layer!==o.layer)&&i.update(o=r):i.remove()}}(u,e);e.byIndex=t,r.splice(t,0,{identifier:c,updater:w,references:1})}a.push(c)}return a}o.exports=function(o,p){var a=e(o=o||[],p=p||{});return function(o){o=o||[];for(var t=0;t<a.length;t++){var n=i(a[t]);r[n].references--}for(var l=e(o,p),d=0;d<a.length;d++){var c=i(a[d]);0===r[c].references&&(r[c].updater(),r.splice(c,1))}a=l}}},659(o){var r={};o.exports=function(o,i){var e=function(o){if(void 0===r[o]){var i=document.querySelector(o);if(window.HTMLIFrameElement&&i instanceof window.HTMLIFrameElement)try{i=i.contentDocument.head}catch(o){i=null}r[o]=i}return r[o]}(o);if(!e)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");e.appendChild(i)}},540(o){o.exports=function(o){var r=document.createElement("style");return o.setAttributes(r,o.attributes),o.insert(r,o.options),r}},56(o,r,i){o.exports=function(o){var r=i.nc;r&&o.setAttribute("nonce",r)}},825(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var r=o.insertStyleElement(o);return{update:function(i){var e,p,a;e="",i.supports&&(e+="@supports (".concat(i.supports,") {")),i.media&&(e+="@media ".concat(i.media," {")),(p=void 0!==i.layer)&&(e+="@layer".concat(i.layer.length>0?" ".concat(i.layer):""," {")),e+=i.css,p&&(e+="}"),i.media&&(e+="}"),i.supports&&(e+="}"),(a=i.sourceMap)&&"u">typeof btoa&&(e+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),o.styleTagTransform(e,r,o.options)},remove:function(){var o;null===(o=r).parentNode||o.parentNode.removeChild(o)}}}},113(o){o.exports=function(o,r){if(r.styleSheet)r.styleSheet.cssText=o;else{for(;r.firstChild;)r.removeChild(r.firstChild);r.appendChild(document.createTextNode(o))}}}}]);