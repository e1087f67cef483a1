/** What reports call the networks. @type {Record<string, string>} */
export const networkTitles = {
  smallCnn: 'small CNN',
  resNet18: 'ResNet-18',
  resNet34: 'ResNet-34',
  wideResNet: 'WideResNet-16-2',
  denseNet121: 'DenseNet-121, growth 12',
  alexNet: 'AlexNet',
};
